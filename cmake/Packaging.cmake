# What belongs on a system beside the program: units, users, folders.
set(YUBIN_PROGRAM ${CMAKE_INSTALL_FULL_SBINDIR}/yubin)
set(units ${CMAKE_SOURCE_DIR}/contrib/systemd)
configure_file(${units}/yubin.service.in ${CMAKE_BINARY_DIR}/yubin.service
	@ONLY)
install(FILES ${CMAKE_BINARY_DIR}/yubin.service ${units}/yubin-pop3.socket
	${units}/yubin-smtp.socket ${units}/yubin-metrics.socket
	DESTINATION lib/systemd/system)
install(FILES ${units}/yubin.sysusers DESTINATION lib/sysusers.d
	RENAME yubin.conf)
install(FILES ${units}/yubin.tmpfiles DESTINATION lib/tmpfiles.d
	RENAME yubin.conf)
install(FILES ${units}/network.conf ${units}/yubin.logrotate
	DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
