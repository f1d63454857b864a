# SPDX-License-Identifier: MIT
# Compiler options, in one place: warnings, sanitizers, hardening.

# pm_target_options(TARGET): the warnings of the project, and the sanitizers that were asked for.
function(pm_target_options target)
    target_compile_options(${target} PRIVATE
        -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wvla -Wundef -Wformat=2 -Wno-format-nonliteral
        -Wwrite-strings
        -Wstrict-prototypes -Wmissing-prototypes)
    if(PM_WERROR)
        target_compile_options(${target} PRIVATE -Werror)
    endif()
    pm_sanitize(${target})
endfunction()

# pm_sanitize(TARGET): PM_SANITIZE for one target; the first finding ends the program.
function(pm_sanitize target)
    set(kinds "${PM_SANITIZE}")
    if(PM_FUZZ)
        # Coverage for libFuzzer in all code; only a harness gets its main().
        list(APPEND kinds fuzzer-no-link)
        list(JOIN kinds "," kinds)
    endif()
    if(kinds)
        target_compile_options(${target} PRIVATE
            "-fsanitize=${kinds}" -fno-sanitize-recover=all -fno-omit-frame-pointer)
        target_link_options(${target} PUBLIC "-fsanitize=${kinds}")
    endif()
endfunction()

# pm_harden(TARGET): what a program that faces the network is built with. The portable library
# is left without, as it must not ask an embedder's C library for more than memcpy and its like.
function(pm_harden target)
    target_compile_options(${target} PRIVATE -fstack-protector-strong)
    if(NOT PM_SANITIZE AND NOT PM_FUZZ)
        target_compile_definitions(${target} PRIVATE
            "$<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=2>")
    endif()
    get_target_property(kind ${target} TYPE)
    if(kind STREQUAL "EXECUTABLE")
        target_link_options(${target} PRIVATE -pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
    endif()
endfunction()
