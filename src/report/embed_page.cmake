# Makes C of page/page.{html,css} and the parts of the script:
# cmake -DDIR=page "-DSCRIPTS=util.js chart.js ..." -DOUT=page.inc -P embed_page.cmake
# The frame with style and script in place of @STYLE@ and @SCRIPT@, and in place of @STYLEHASH@ and @SCRIPTHASH@ what a
# Content-Security-Policy knows them by: the SHA-256 of the very bytes of each element's content, in base64.
set(frame_file "${DIR}/page.html")
set(STYLE_file "${DIR}/page.css")
set(SCRIPT_file "${OUT}.js")

# The parts of the script share one scope, and leave nothing behind in the window.
separate_arguments(SCRIPTS)
set(script "(() => {\n'use strict';\n")
foreach(part ${SCRIPTS})
  file(READ "${DIR}/${part}" text)
  string(APPEND script "\n${text}")
endforeach()
string(APPEND script "})();\n")
file(WRITE "${SCRIPT_file}" "${script}")

# Hex digits to base64 (RFC 4648 4): six of them are four characters.
function(base64 hex out)
  set(digits "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
  set(text "")
  string(LENGTH "${hex}" len)
  foreach(at RANGE 0 ${len} 6)
    if(at EQUAL len)
      break()
    endif()
    string(SUBSTRING "${hex}000000" ${at} 6 six)
    foreach(shift 18 12 6 0)
      math(EXPR digit "(0x${six} >> ${shift}) & 63")
      string(SUBSTRING "${digits}" ${digit} 1 character)
      string(APPEND text "${character}")
    endforeach()
  endforeach()
  math(EXPR over "(6 - ${len} % 6) % 6 / 2") # bytes that the last group lacks
  if(over GREATER 0)
    string(LENGTH "${text}" n)
    math(EXPR n "${n} - ${over}")
    string(SUBSTRING "${text}" 0 ${n} text)
    string(REPEAT "=" ${over} pad)
    string(APPEND text "${pad}")
  endif()
  set(${out} "${text}" PARENT_SCOPE)
endfunction()

# Text as hex digits.
function(hex text out)
  string(HEX "${text}" digits)
  set(${out} "${digits}" PARENT_SCOPE)
endfunction()

file(READ "${frame_file}" frame HEX)
string(REGEX REPLACE "(..)" "\\1 " frame "${frame}") # bytes apart, so that nothing is found across two
function(spaced text out)
  hex("${text}" digits)
  string(REGEX REPLACE "(..)" "\\1 " digits "${digits}")
  set(${out} "${digits}" PARENT_SCOPE)
endfunction()

# What a mark stands for comes in once, exactly.
function(put name bytes)
  spaced("@${name}@" mark)
  string(FIND "${frame}" "${mark}" first)
  string(FIND "${frame}" "${mark}" last REVERSE)
  if(first EQUAL -1 OR NOT first EQUAL last)
    message(FATAL_ERROR "page.html: @${name}@ must stand in it once")
  endif()
  string(REPLACE "${mark}" "${bytes}" changed "${frame}")
  set(frame "${changed}" PARENT_SCOPE)
endfunction()

spaced("<!doctype html>\n" doctype)
string(FIND "${frame}" "${doctype}" at)
if(NOT at EQUAL 0)
  message(FATAL_ERROR "page.html: must begin with <!doctype html> on a line of its own")
endif()
foreach(name ANSWER FINDINGS COUNTS TABLES ABOUT TITLE SUMMARY ROWS) # filled when a page is written
  spaced("@${name}@" mark)
  put(${name} "${mark}")
endforeach()

foreach(part STYLE SCRIPT)
  file(SHA256 "${${part}_file}" sum)
  base64("${sum}" sum)
  spaced("${sum}" sum)
  put(${part}HASH "${sum}")
  file(READ "${${part}_file}" bytes HEX)
  string(REGEX REPLACE "(..)" "\\1 " bytes "${bytes}")
  # A parser of HTML would change these before they are hashed, end the element, or take them for marks.
  foreach(bad "</" "<!--" "\r")
    spaced("${bad}" bad_bytes)
    string(FIND "${bytes}" "${bad_bytes}" at)
    if(NOT at EQUAL -1)
      message(FATAL_ERROR "${${part}_file}: must not hold \"${bad}\"")
    endif()
  endforeach()
  if(bytes MATCHES "40 ((4[1-9a-f]|5[0-9a]) )+40 ")
    message(FATAL_ERROR "${${part}_file}: must hold nothing that looks like a mark")
  endif()
  put(${part} "${bytes}")
endforeach()

string(REGEX REPLACE "(..) " "0x\\1," frame "${frame}")
file(WRITE "${OUT}" "static const uint8_t page_frame[] = {${frame}};\n")
