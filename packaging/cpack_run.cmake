# Read by cpack itself, once for each generator.
if(NOT DEFINED ENV{SOURCE_DATE_EPOCH} AND CPACK_WSCLOSE_EPOCH)
  set(ENV{SOURCE_DATE_EPOCH} ${CPACK_WSCLOSE_EPOCH})
endif()
if(CPACK_GENERATOR STREQUAL "DEB" AND NOT CPACK_WSCLOSE_PREFIX STREQUAL "/usr")
  message(FATAL_ERROR "a .deb is made of what was configured for /usr: cmake --preset package")
endif()
