#!/usr/bin/env bash
# GCC 12.2 (Debian's 12.2.0-14+deb12u1, x86-64) fuses multiply-adds although -ffp-contract=off forbids it.
#
# Expected: with -ffp-contract=off, a * b - c and a * b + c round twice, whatever the processor offers.
# Seen: at -O3 -mfma, a difference and a sum that lie side by side become one vfmaddsub, which rounds once; the result
# of the program below changes in the last digits. Each of the two alone is left in two instructions, so a file may
# pass every test of single expressions. -fno-tree-slp-vectorize prevents it.
# What it matters for: C code that is to give the same bits everywhere (an exported network, an integrator).
# Needs Debian 12 on x86-64 for the pinned package; the rest of the compiler's libraries are the system's.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in cpp-12=12.2.0-14+deb12u1 libisl23 libmpc3 libmpfr6 libgmp10 libzstd1; do
    apt-get download -qq "$package"
done
for file in ./*.deb; do dpkg -x "$file" root; done
compile() {
    LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu" \
        "$work/root/usr/lib/gcc/x86_64-linux-gnu/12/cc1" -quiet -std=c99 -O3 -mfma -ffp-contract=off "$@" pair.c -o -
}
cat > pair.c <<'C'
void pair(const double *restrict a, const double *restrict b, const double *restrict c, double *restrict y) {
    y[0] = a[0] * b[0] - c[0];
    y[1] = a[1] * b[1] + c[1];
}
C
compile > fused.s
compile -fno-tree-slp-vectorize > apart.s
grep -o 'vfmaddsub[0-9a-z]*' fused.s || { echo "changed: no fused instruction"; exit 1; }
if grep -q 'vfm' apart.s; then echo "changed: fused without vectors, too"; exit 1; fi
echo "as seen: fused in spite of -ffp-contract=off"
