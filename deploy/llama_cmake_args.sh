#!/bin/sh
# Prints how llama.cpp is to be compiled here (CMAKE_ARGS).
#
# Without its AMX kernels: compiled by GCC 12 they die of an illegal instruction, since the stores of the tiles'
# configuration are moved past the instruction that loads it. Only throughput mode would use them; exact mode cannot.
arguments="-DLLAVA_BUILD=OFF" # the image part is not needed, and takes more than half of the compilation
without="-mno-amx-tile -mno-amx-int8 -mno-amx-bf16"
if cc $without -E -x c /dev/null > /dev/null 2>&1; then # other processors' compilers do not know the words
    arguments="$arguments '-DCMAKE_C_FLAGS=$without' '-DCMAKE_CXX_FLAGS=$without'"
fi
echo "$arguments"
