# What belongs on a system beside the program: units, users, folders. Packages
# hold what `cmake --install` installs.
set(YUBIN_PROGRAM ${CMAKE_INSTALL_FULL_SBINDIR}/yubin)
set(units ${CMAKE_SOURCE_DIR}/contrib/systemd)
foreach(name yubin.service yubin-fsck.service yubin.logrotate)
	configure_file(${units}/${name}.in ${CMAKE_BINARY_DIR}/${name} @ONLY)
endforeach()
install(FILES ${CMAKE_BINARY_DIR}/yubin.service
	${CMAKE_BINARY_DIR}/yubin-fsck.service ${units}/yubin-fsck.timer
	${units}/yubin-pop3.socket
	${units}/yubin-smtp.socket ${units}/yubin-lmtp.socket
	${units}/yubin-metrics.socket
	DESTINATION lib/systemd/system)
install(FILES ${units}/yubin.sysusers DESTINATION lib/sysusers.d
	RENAME yubin.conf)
install(FILES ${units}/yubin.tmpfiles DESTINATION lib/tmpfiles.d
	RENAME yubin.conf)
install(FILES ${CMAKE_BINARY_DIR}/yubin.logrotate
	DESTINATION ${CMAKE_INSTALL_FULL_SYSCONFDIR}/logrotate.d RENAME yubin)
install(FILES ${units}/network.conf DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/contrib/prometheus
	DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/contrib/commands
	DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples USE_SOURCE_PERMISSIONS)
install(FILES ${CMAKE_SOURCE_DIR}/README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})

# `scripts/package` makes the .deb.
set(debian ${CMAKE_SOURCE_DIR}/contrib/debian)
set(CPACK_GENERATOR DEB)
set(CPACK_SET_DESTDIR ON)
set(CPACK_PACKAGE_CONTACT "The authors of Yubin <yubin@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "complete post office: SMTP and LMTP in, POP3 out")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"Yubin takes mail in by SMTP or LMTP, keeps it durably, and hands it out by
POP3 with TLS. Each part runs as a process and a user of its own, caged by
seccomp and Landlock.")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SECTION mail)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "passwd")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "logrotate")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "default-mta | mail-transport-agent")
set(CPACK_DEBIAN_PACKAGE_PROVIDES "pop3-server")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${debian}/postinst ${debian}/prerm
	${debian}/postrm ${debian}/conffiles)
set(CPACK_STRIP_FILES ON)
set(CPACK_PRE_BUILD_SCRIPTS ${debian}/stage.cmake)
include(CPack)
