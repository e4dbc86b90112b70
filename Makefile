# Short names for what CMake, CTest and the scripts do.
RELEASE = build/release
ASAN = build/asan
PREFIX = /usr/local

all: $(RELEASE)/build.ninja
	ninja -C $(RELEASE)

# Unit tests with the dialogue files, and the layers: seconds. What users
# build goes without them, and without the libraries that only they need.
check:
	cmake --preset release -DYUBIN_TESTS=ON
	ninja -C $(RELEASE)
	tools/check_layers
	tools/check_matrix
	ctest --test-dir $(RELEASE) -j 2 --output-on-failure

asan: $(ASAN)/build.ninja
	ninja -C $(ASAN)
	ctest --test-dir $(ASAN) -j 2 --output-on-failure

# Everything, as CI does it.
test:
	scripts/test

# The packages clang-format, clang-tidy and clang are needed.
lint: build/clang/build.ninja
	tools/check_layers
	clang-format --dry-run -Werror $$(git ls-files 'src/*.[ch]')
	clang-tidy --quiet -p build/clang $$(git ls-files 'src/*.c')

# Faults that are planted, each to be found by its test.
mutants:
	cmake --preset release -DYUBIN_TESTS=ON
	ninja -C $(RELEASE)
	tests/mutants/run.py $(RELEASE)

# All fuzzers for a minute; or one for longer: make fuzz TARGET=pop3.
SECONDS = 600
fuzz-smoke:
	scripts/fuzz 60

fuzz:
	scripts/fuzz $(SECONDS) $(TARGET)

bench: all
	bench/compare

# A package for Debian, in build/package.
deb:
	scripts/package

install: all
	DESTDIR=$(DESTDIR) cmake --install $(RELEASE) --prefix $(PREFIX)

clean:
	rm -rf build

$(RELEASE)/build.ninja:
	cmake --preset release -DYUBIN_TESTS=OFF

build/%/build.ninja:
	cmake --preset $*

.PHONY: all check asan test lint mutants fuzz fuzz-smoke bench deb install clean
.PRECIOUS: build/%/build.ninja
