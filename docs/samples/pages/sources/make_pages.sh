#!/usr/bin/env bash
# Makes the sample pages from the LaTeX files beside this script: prose with several tables.
#
#   docs/samples/pages/sources/make_pages.sh
#
# Debian packages: texlive-latex-base texlive-latex-recommended poppler-utils
set -euo pipefail
cd "$(dirname "$0")"
out=$PWD/..
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The same bytes each time.
export SOURCE_DATE_EPOCH=0 FORCE_SOURCE_DATE=1

for name in report page; do
  pdflatex -interaction=batchmode -output-directory="$work" "$name.tex" >/dev/null
done
cp "$work/report.pdf" "$out/report.pdf"
pdftoppm -r 150 -gray -png -singlefile "$work/page.pdf" "$out/page"
