# SPDX-License-Identifier: BSD-3-Clause
"""first"""

def test_boot():
    import labkit as lk
    print(open("/proc/cmdline").read())
    with lk.Lab() as lab:
        print(lab.dpdk_version, lab.eal.uses_hugepages())
    import subprocess
    print(subprocess.run("uname -a; ls -la /dev/virtio-ports/ /dev/vport*; lspci; ls /sys/kernel/iommu_groups | wc -l", shell=True, capture_output=True, text=True).stdout)
