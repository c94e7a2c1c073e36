# Manual pages as they are installed: FROM/man1/NAME.1 to TO/man1/NAME.1.gz, without the time of the build.
file(GLOB pages RELATIVE ${FROM} ${FROM}/man[1-9]/*)
foreach(page IN LISTS pages)
  get_filename_component(section ${page} DIRECTORY)
  file(MAKE_DIRECTORY ${TO}/${section})
  execute_process(COMMAND ${GZIP} -9nc ${FROM}/${page} OUTPUT_FILE ${TO}/${page}.gz COMMAND_ERROR_IS_FATAL ANY)
endforeach()
