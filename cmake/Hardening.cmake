# What the compiler and the linker can do against mistakes. Each flag is
# probed, since gcc 12 and clang 14 do not know the same ones.
include(CheckCCompilerFlag)
include(CheckPIESupported)
check_pie_supported()

function(yubin_harden target)
	set(flags -fstack-protector-strong -fstack-clash-protection
		-fcf-protection -ftrivial-auto-var-init=zero)
	if(NOT YUBIN_SANITIZE AND NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
		list(APPEND flags -D_FORTIFY_SOURCE=3)
	endif()
	foreach(flag IN LISTS flags)
		string(MAKE_C_IDENTIFIER "HAVE${flag}" have)
		set(CMAKE_REQUIRED_FLAGS -Werror)
		check_c_compiler_flag("${flag} -O2" ${have})
		if(${have})
			target_compile_options(${target} INTERFACE ${flag})
		endif()
	endforeach()
	target_link_options(${target} INTERFACE
		LINKER:-z,relro LINKER:-z,now LINKER:-z,noexecstack)
endfunction()
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
