# cpack in the build directory of `cmake --preset package`: wsclose_VERSION_ARCH.deb, libwsclose-dev_VERSION_ARCH.deb and a tarball.
set(CPACK_GENERATOR TGZ)
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr") # a unit and a program that look for their files in /usr
  list(APPEND CPACK_GENERATOR DEB)
endif()
set(CPACK_PACKAGE_VENDOR "wsclose developers")
set(CPACK_PACKAGE_CONTACT "wsclose developers <developers@wsclose.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "") # each package has its own
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_PACKAGE_CHECKSUM SHA256)
set(CPACK_PACKAGE_FILE_NAME wsclose-${PROJECT_VERSION}-${CMAKE_SYSTEM_NAME}-${CMAKE_SYSTEM_PROCESSOR})
set(CPACK_STRIP_FILES ON)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_WSCLOSE_SOURCE ${PROJECT_SOURCE_DIR})
set(CPACK_WSCLOSE_PREFIX ${CMAKE_INSTALL_PREFIX})
set(CPACK_PROJECT_CONFIG_FILE ${PROJECT_SOURCE_DIR}/packaging/cpack_run.cmake)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/packaging/cpack_staged.cmake)

set(CPACK_COMPONENTS_ALL runtime dev)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME wsclose)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION net)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_DEPENDS "adduser, debconf (>= 0.5) | debconf-2.0, libcap2-bin")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SUGGESTS "sqlite3, wireshark")
set(CPACK_DEBIAN_RUNTIME_DESCRIPTION
"tells why WebSocket connections closed, from packets
wsclose pairs every opening handshake of a WebSocket in a capture, or on an
interface, with its end: who ended it, how, with which code, and what each
side's library reported. Causes are inferred with their evidence, and where the
packets cannot show it, it says so.
.
It reads pcap and pcapng, TLS with a key log and HTTP/2, stores what it finds
in SQLite, and finds what recurs across connections. A systemd unit watches
interfaces from boot on.")
set(control ${PROJECT_SOURCE_DIR}/packaging/deb)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA ${control}/config ${control}/templates ${control}/postinst ${control}/prerm ${control}/postrm)
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION ${CPACK_DEBIAN_RUNTIME_DESCRIPTION})

set(CPACK_DEBIAN_DEV_PACKAGE_NAME libwsclose-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_DEV_PACKAGE_MULTIARCH same)
set(CPACK_DEBIAN_DEV_PACKAGE_SUGGESTS "wsclose, pkgconf | pkg-config | cmake")
list(JOIN WSCLOSE_DEV_PACKAGES ", " CPACK_DEBIAN_DEV_PACKAGE_DEPENDS)
set(CPACK_COMPONENT_DEV_DESCRIPTION
"tells why WebSocket connections closed, from packets (library)
libwsclose is all of wsclose but its command line: captures and packets in,
records of how WebSocket connections ended out.
.
This package holds the headers, the library as an archive, and what pkg-config
and CMake need to find it.")
include(CPack)
