# What is installed belongs to the program (runtime) unless it says that it belongs to the library (dev).
set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME runtime)
# Not what the umask of whoever builds makes of them.
set(CMAKE_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
find_program(WSCLOSE_GZIP gzip REQUIRED)
add_custom_target(wsclose_compressed ALL)

# Installs |file| compressed, as NAME.gz into |destination|; -n keeps the time of the build out of it. |ARGN| goes to install().
function(wsc_install_gz file name destination)
  set(packed ${PROJECT_BINARY_DIR}/packaging/compressed/${destination}/${name}.gz)
  get_filename_component(dir ${packed} DIRECTORY)
  add_custom_command(OUTPUT ${packed}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${dir}
    COMMAND ${WSCLOSE_GZIP} -9nc ${file} > ${packed}
    DEPENDS ${file}
    VERBATIM)
  string(MAKE_C_IDENTIFIER "wsclose_gz_${destination}_${name}" target)
  add_custom_target(${target} DEPENDS ${packed})
  add_dependencies(wsclose_compressed ${target})
  install(FILES ${packed} DESTINATION ${destination} ${ARGN})
endfunction()
