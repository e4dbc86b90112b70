# Short names for what CMake, CTest and the scripts do.
RELEASE = build/release
ASAN = build/asan
PREFIX = /usr/local

all: $(RELEASE)/build.ninja
	ninja -C $(RELEASE)

# Unit tests with the dialogue files, and the layers: seconds.
check: all
	tools/check_layers
	ctest --test-dir $(RELEASE) -j 2 --output-on-failure

asan: $(ASAN)/build.ninja
	ninja -C $(ASAN)
	ctest --test-dir $(ASAN) -j 2 --output-on-failure

# Everything, as CI does it.
test:
	scripts/test

lint: all
	tools/check_layers
	clang-format --dry-run -Werror $$(git ls-files 'src/*.[ch]' \
		'tests/*.[ch]')
	clang-tidy --quiet -p $(RELEASE) $$(git ls-files 'src/*.c')

bench: all
	$(RELEASE)/yubin bench --help

install: all
	DESTDIR=$(DESTDIR) cmake --install $(RELEASE) --prefix $(PREFIX)

clean:
	rm -rf build

build/%/build.ninja: CMakeLists.txt CMakePresets.json
	cmake --preset $*

.PHONY: all check asan test lint bench install clean
.PRECIOUS: build/%/build.ninja
