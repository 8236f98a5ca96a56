#!/usr/bin/env bash
# Makes the sample pictures from the tables beside this script: typeset by LaTeX, Chromium or
# LibreOffice, never by our own renderer; some are then degraded like a scan.
#
#   docs/samples/sources/make_samples.sh
#
# Debian packages: texlive-latex-base texlive-latex-recommended chromium libreoffice-calc
#                  poppler-utils imagemagick
set -euo pipefail
cd "$(dirname "$0")"
out=..
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

latex_source() {  # name style
  local columns header rows
  columns=$(head -1 "$1.tsv" | awk -F'\t' '{ printf "l"; for (i = 2; i <= NF; i++) printf "r" }')
  header=$(head -1 "$1.tsv" | sed 's/%/\\%/g; s/\t/ \& /g')
  rows=$(tail -n +2 "$1.tsv" | sed 's/%/\\%/g; s/\t/ \& /g; s/$/ \\\\/')
  local top= middle= bottom= line=
  case $2 in
    booktabs) top='\toprule' middle='\midrule' bottom='\bottomrule' ;;
    ruled)
      columns="|$(sed 's/./&|/g' <<<"$columns")"
      top='\hline' middle='\hline' line='\hline'
      rows=$(sed 's/$/ \\hline/' <<<"$rows")
      ;;
    plain) middle='\hline' ;;
  esac
  cat <<EOF
\documentclass[11pt]{article}
\usepackage[T1]{fontenc}
\usepackage{booktabs}
\pagestyle{empty}
\begin{document}
\noindent
\begin{tabular}{$columns}
$top
$header \\\\ $middle
$rows
$bottom
\end{tabular}
\end{document}
EOF
}

html_source() {  # name style
  local css='table{border-collapse:collapse;font:17px Arial,Liberation Sans,sans-serif}
    td,th{padding:5px 14px;text-align:left}'
  case $2 in
    ruled) css+='td,th{border:1px solid #444}' ;;
    zebra) css+='tr:nth-child(odd) td{background:#e8eef4}th{border-bottom:2px solid #335}' ;;
    borderless) css+='table{font-family:Georgia,Liberation Serif,serif}' ;;
    dark) css+='th{background:#2b4a6f;color:#fff}td{border-bottom:1px solid #ccc}' ;;
    plain) css+='th{border-bottom:1px solid #000}' ;;
  esac
  printf '<!doctype html><meta charset="utf-8"><style>body{margin:10px;background:#fff}%s</style><table>' "$css"
  awk -F'\t' '{ t = NR == 1 ? "th" : "td"; printf "<tr>"
    for (i = 1; i <= NF; i++) printf "<%s>%s</%s>", t, $i, t; print "</tr>" }' "$1.tsv"
  echo '</table>'
}

office_source() {  # name style: a flat OpenDocument spreadsheet
  local cell='' font='Liberation Sans'
  [[ $2 == ruled ]] && cell='fo:border="0.6pt solid #000000"'
  [[ $2 == borderless ]] && font='DejaVu Serif'
  local head="$cell"
  [[ $2 == plain ]] && head='fo:border-bottom="1pt solid #000000"'
  cat <<EOF
<?xml version="1.0" encoding="UTF-8"?>
<office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0"
 xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"
 xmlns:fo="urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0"
 office:version="1.2" office:mimetype="application/vnd.oasis.opendocument.spreadsheet">
<office:automatic-styles>
<style:page-layout style:name="page"><style:page-layout-properties style:print=""/></style:page-layout>
<style:style style:name="head" style:family="table-cell"><style:table-cell-properties $head/>
<style:text-properties style:font-name="$font" fo:font-family="$font" fo:font-weight="bold"/></style:style>
<style:style style:name="cell" style:family="table-cell"><style:table-cell-properties $cell/>
<style:text-properties style:font-name="$font" fo:font-family="$font"/></style:style>
</office:automatic-styles>
<office:master-styles><style:master-page style:name="Default" style:page-layout-name="page">
<style:header style:display="false"/><style:footer style:display="false"/>
</style:master-page></office:master-styles>
<office:body><office:spreadsheet><table:table table:name="table">
EOF
  awk -F'\t' 'NR == 1 { n = NF }
    { print "<table:table-row>"
      for (i = 1; i <= n; i++)
        printf "<table:table-cell table:style-name=\"%s\" office:value-type=\"string\"><text:p>%s</text:p></table:table-cell>\n",
          NR == 1 ? "head" : "cell", $i
      print "</table:table-row>" }' "$1.tsv"
  echo '</table:table></office:spreadsheet></office:body></office:document>'
}

pdf_to_png() { pdftoppm -r "$2" -png -singlefile "$work/$1.pdf" "$work/$1"; }

grep -v '^#' samples.conf | while read -r name tool style finish; do
  case $tool in
    latex)
      latex_source "$name" "$style" >"$work/$name.tex"
      (cd "$work" && pdflatex -interaction=batchmode "$name.tex" >/dev/null)
      pdf_to_png "$name" 130
      ;;
    chromium)
      html_source "$name" "$style" >"$work/$name.html"
      chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=700,500 \
        --screenshot="$work/$name.png" "file://$work/$name.html" >/dev/null 2>&1
      ;;
    libreoffice)
      office_source "$name" "$style" >"$work/$name.fods"
      soffice --headless --convert-to pdf --outdir "$work" "$work/$name.fods" >/dev/null 2>&1
      pdf_to_png "$name" 120
      ;;
  esac
  convert "$work/$name.png" -trim +repage -bordercolor white -border 8 "$work/$name.trim.png"
  if [[ $finish == scan ]]; then
    convert "$work/$name.trim.png" -seed 7 -background '#f4f2ec' -rotate 0.6 -colorspace Gray \
      -blur 0x0.5 -attenuate 0.25 +noise Gaussian -quality 60 "$work/$name.jpg"
    convert "$work/$name.jpg" -colors 64 -strip "$out/$name.png"
  else
    convert "$work/$name.trim.png" -strip "$out/$name.png"
  fi
  mkdir -p "$out/gt"
  awk -F'\t' 'NR == 1 { n = NF }
    { printf "|"; for (i = 1; i <= n; i++) printf " %s |", $i; print "" }
    NR == 1 { printf "|"; for (i = 1; i <= n; i++) printf " --- |"; print "" }' \
    "$name.tsv" | head -c -1 >"$out/gt/$name.md"
  printf '{"id": "%s", "image": "%s.png", "md": "gt/%s.md", "n_rows": %d, "n_cols": %d, "tool": "%s", "borders": "%s", "finish": "%s"}\n' \
    "$name" "$name" "$name" "$(wc -l <"$name.tsv")" "$(head -1 "$name.tsv" | awk -F'\t' '{print NF}')" \
    "$tool" "$style" "$finish" >>"$work/index.jsonl"
done
mv "$work/index.jsonl" "$out/index.jsonl"
