# Read by cpack itself, once for each generator.
if(CPACK_GENERATOR STREQUAL "DEB" AND NOT CPACK_WSCLOSE_PREFIX STREQUAL "/usr")
  message(FATAL_ERROR "a .deb is made of what was configured for /usr: cmake --preset package")
endif()

# The time that stands in the packages: what the environment says, else the last commit, else the changelog.
if(NOT DEFINED ENV{SOURCE_DATE_EPOCH})
  execute_process(COMMAND git -C ${CPACK_WSCLOSE_SOURCE} log -1 --format=%ct OUTPUT_VARIABLE epoch OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(NOT epoch)
    file(STRINGS ${CPACK_WSCLOSE_SOURCE}/packaging/deb/changelog signed LIMIT_COUNT 1 REGEX "^ -- ")
    string(REGEX REPLACE ".*>  " "" date "${signed}")
    execute_process(COMMAND date -u -d ${date} +%s OUTPUT_VARIABLE epoch OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  endif()
  set(ENV{SOURCE_DATE_EPOCH} ${epoch})
endif()
