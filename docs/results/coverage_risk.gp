# gnuplot docs/results/coverage_risk.gp   (from the root; writes docs/results/coverage_risk.svg)
set terminal svg size 640,420 font "sans,13" background "white"
set output "docs/results/coverage_risk.svg"
set datafile separator ","
set xlabel "coverage: share of cells kept, most confident first"
set ylabel "risk: share of wrong cells among them"
set xrange [0:1]
set yrange [0:1]
set key bottom right
runs = "docs/results/runs/"
plot runs."medium-d/coverage_risk.csv" using 2:3 skip 1 with lines lw 2 title "D, probability", \
     runs."medium-d/coverage_risk_verified.csv" using 2:3 skip 1 with lines lw 2 dt 2 title "D, with --verify", \
     runs."medium-x/coverage_risk.csv" using 2:3 skip 1 with lines lw 2 title "X, probability", \
     runs."medium-h/coverage_risk.csv" using 2:3 skip 1 with lines lw 2 title "H, probability", \
     runs."medium-rules/coverage_risk.csv" using 2:3 skip 1 with lines lw 2 title "rules, word confidences"
