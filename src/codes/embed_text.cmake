# Makes a C array of a text file: cmake -DIN=file -DOUT=file.inc -DNAME=built_in -P embed_text.cmake
file(READ "${IN}" hex HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
file(WRITE "${OUT}" "static const char ${NAME}[] = {${bytes}0};\n")
