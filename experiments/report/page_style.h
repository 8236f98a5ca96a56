// The style sheet of a report.
#pragma once

namespace nvlm::experiments {

/// Wide pages show tables as tables and the panels of a figure beside each other; below 900 pixels
/// rows become cards and panels stand below each other. Figures stay on white in the dark scheme.
inline constexpr const char* kPageStyle = R"css(
:root { color-scheme: light dark; --text: #1c1c1e; --quiet: #5a5a60; --page: #ffffff;
  --line: #d5d5da; --shade: #f4f4f6; }
@media (prefers-color-scheme: dark) {
  :root { --text: #ececee; --quiet: #a9a9b0; --page: #17171a; --line: #3b3b42; --shade: #222227; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 78rem; background: var(--page);
  color: var(--text); font: 1rem/1.5 system-ui, "DejaVu Sans", sans-serif;
  overflow-wrap: anywhere; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0.5rem 0 1rem; }
h2 { font-size: 1.35rem; line-height: 1.25; margin: 2.5rem 0 0.5rem;
  border-top: 1px solid var(--line); padding-top: 1rem; }
h3 { font-size: 1.05rem; margin: 1.5rem 0 0.5rem; }
p, figcaption { max-width: 50rem; }
.quiet, figcaption { color: var(--quiet); font-size: 0.875rem; }
code { font: 0.875em ui-monospace, "DejaVu Sans Mono", monospace; }
pre { background: var(--shade); padding: 0.75rem; white-space: pre-wrap; }
table { border-collapse: collapse; width: 100%; font-size: 0.875rem; margin: 0.75rem 0; }
th, td { text-align: left; vertical-align: top; padding: 0.35rem 0.6rem;
  border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums; overflow-wrap: normal; }
th { color: var(--quiet); font-weight: 600; border-bottom-width: 2px; }
td[data-label="verdict"] { font-weight: 600; }
td[data-label="arm"], td[data-label^="95%"], td[data-label^="p"] { white-space: nowrap; }
figure { margin: 1.25rem 0 2rem; }
.panels { display: grid; gap: 0.5rem;
  grid-template-columns: repeat(auto-fit, minmax(min(30rem, 100%), 1fr)); }
.panels svg { width: 100%; max-width: 37rem; height: auto; background: #ffffff; display: block; }
@media (max-width: 900px) {
  thead { display: none; }
  table, tbody, tr, td { display: block; width: 100%; }
  tr { border: 1px solid var(--line); margin: 0 0 0.75rem; }
  td { display: grid; grid-template-columns: 9rem 1fr; gap: 0.5rem;
    overflow-wrap: anywhere; }
  td:last-child { border-bottom: none; }
  td::before { content: attr(data-label); color: var(--quiet); }
  td:empty { display: none; }
  td[data-label="arm"] { white-space: normal; }
}
@media print {
  :root { --text: #000000; --quiet: #333333; --page: #ffffff; --line: #999999; --shade: #ffffff; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  figure, tr { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
}
)css";

}  // namespace nvlm::experiments
