# SPDX-License-Identifier: MIT
# A front for CMake, for those who type make. The builds are described in CMakePresets.json.
PREFIX ?= /usr/local
DESTDIR ?=
SECONDS ?= 60
JOBS ?= $(shell nproc)
CTEST_ARGS ?=
MAILS ?= 100000
SOAK_ARGS ?=
PAGE ?=

C_FILES = $$(git ls-files --cached --others --exclude-standard '*.c' '*.h')

.PHONY: all demo test bench soak fuzz reference install format lint clean programs with-tests

# The program and the library; says which packages are missing, installs nothing.
all:
	@scripts/install-packages --check build
	@$(MAKE) --no-print-directory programs

programs:
	@[ -f build/build.ninja ] || cmake --preset release -DPM_TESTS=OFF -DPM_BENCH=OFF
	@cmake --build build --parallel $(JOBS) --target programs

# The manual's three examples against the built-in catcher; installs what the build needs.
demo:
	@scripts/install-packages build
	@$(MAKE) --no-print-directory programs
	@build/postmodem demo

with-tests:
	@cmake --preset release -DPM_TESTS=ON
	@cmake --build build --parallel $(JOBS)

# All tests; installs what they need, unpacks mail servers and host programs into build.
test:
	@scripts/install-packages build test
	@scripts/install-packages node || echo "Without them tests on Node.js are skipped."
	@scripts/unpack-servers
	@scripts/fetch-node-modules
	@$(MAKE) --no-print-directory with-tests
	@rm -rf build/tests/interop/servers
	ctest --test-dir build --output-on-failure --parallel $(JOBS) $(CTEST_ARGS); status=$$?; \
	    tests/interop/servers_table.py build/tests/interop/servers; exit $$status

# Against other programs in the same run; PAGE=docs/benchmarks.md writes that page anew.
bench:
	@scripts/install-packages build bench
	@scripts/unpack-servers
	@cmake --preset release -DPM_BENCH=ON
	@cmake --build build --parallel $(JOBS)
	@bench/run $(if $(PAGE),--page $(PAGE))

# MAILS mails while server, disk, hosts and program fail at random; then where each of them is.
soak: programs
	@/usr/bin/python3 tests/interop/soak.py --mails $(MAILS) $(SOAK_ARGS)

# Each fuzz harness for SECONDS seconds.
fuzz:
	@scripts/install-packages build test ci
	@scripts/fuzz $(SECONDS)

# docs/at-reference.md, from the command tables and the transcripts; docs/postmodem.conf.5, from
# docs/configuration.md.
reference: with-tests
	@scripts/at-reference build/tests/tools/at_rows
	@scripts/config-manual

install: all
	DESTDIR="$(DESTDIR)" cmake --install build --prefix "$(PREFIX)"

format:
	clang-format-14 -i $(C_FILES)

# What .ci/run checks before it builds: layout, and clang-tidy's bug finders.
lint:
	@scripts/install-packages build test ci
	@scripts/lint

clean:
	rm -rf build
