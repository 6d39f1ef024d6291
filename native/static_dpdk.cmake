# SPDX-License-Identifier: BSD-3-Clause
#
# One self-contained module: DPDK's static libraries with the drivers that labkit opens ports on.
# What they need of the system (pcap, xdp, numa, …) stays shared.

set(LABKIT_STATIC_LIBRARIES
  net_ring net_null net_pcap net_memif net_tap net_af_packet net_af_xdp net_virtio net_vhost net_ena
  bus_vdev bus_pci mempool_ring
  graph fib rib ethdev vhost cryptodev dmadev security gso hash rcu timer pci net meter mbuf mempool ring
  telemetry kvargs eal)
# What later releases need: parts of eal became libraries in 24.03, and graph writes pcapng; and what
# a DPDK may be built without: bpf, which compiles filters
set(LABKIT_STATIC_LIBRARIES_IF_THERE log argparse pcapng bpf)

function(labkit_link_static_dpdk target)
  set(archives "")
  foreach(name IN LISTS LABKIT_STATIC_LIBRARIES)
    find_library(archive_${name} "librte_${name}.a" HINTS ${DPDK_STATIC_LIBRARY_DIRS} REQUIRED)
    list(APPEND archives "${archive_${name}}")
  endforeach()
  foreach(name IN LISTS LABKIT_STATIC_LIBRARIES_IF_THERE)
    find_library(archive_${name} "librte_${name}.a" HINTS ${DPDK_STATIC_LIBRARY_DIRS})
    if(archive_${name})
      list(APPEND archives "${archive_${name}}")
    endif()
  endforeach()
  if(archive_bpf)
    target_compile_definitions(${target} PRIVATE LK_HAS_RTE_BPF)
  endif()
  # What pkg-config names beside DPDK's own archives.
  set(system_libraries "")
  foreach(library IN LISTS DPDK_STATIC_LIBRARIES)
    if(NOT library MATCHES "rte_")
      find_library(system_${library} "${library}")
      if(system_${library})
        list(APPEND system_libraries "${system_${library}}")
      endif()
    endif()
  endforeach()
  list(REMOVE_DUPLICATES system_libraries)
  # Drivers and libraries register themselves in constructors, which only a whole archive keeps.
  target_link_libraries(${target} PRIVATE
    -Wl,--whole-archive ${archives} -Wl,--no-whole-archive -Wl,--as-needed ${system_libraries})
endfunction()
