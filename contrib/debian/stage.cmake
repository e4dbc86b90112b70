# What Debian's policy wants of the files of a package: compressed manual pages
# and change log, a copyright file. Run by CPack over what was installed.
file(GLOB pages
	"${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/share/man/man*/*.[0-9]")
set(doc "${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/share/doc/yubin")
file(MAKE_DIRECTORY ${doc})
configure_file(${CMAKE_CURRENT_LIST_DIR}/copyright ${doc}/copyright COPYONLY)
configure_file(${CMAKE_CURRENT_LIST_DIR}/changelog ${doc}/changelog.Debian
	COPYONLY)
execute_process(COMMAND gzip -9nf ${doc}/changelog.Debian ${pages}
	COMMAND_ERROR_IS_FATAL ANY)
file(GLOB_RECURSE all LIST_DIRECTORIES true
	"${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/*")
foreach(f ${all})
	if(IS_DIRECTORY ${f} OR f MATCHES "/sbin/")
		file(CHMOD ${f} PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE
			GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
	else()
		file(CHMOD ${f} PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ
			WORLD_READ)
	endif()
endforeach()
