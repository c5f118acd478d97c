#include "report/html_style.h"

namespace wquant {

// It stands in XHTML: neither "<" nor "&".
const std::string_view kHtmlStyle = R"css(
:root {
  color-scheme: light dark;
  --page: #ffffff; --panel: #f6f7f9; --ink: #1c2127; --muted: #59636e; --line: #d9dee4;
  --mark: #2a69ac; --fill: #8fb8e0; --level: #bc4110; --edge: #7b8591; --row: #eef1f4;
  --c1: #2a69ac; --c2: #bc4110; --c3: #1a7f4b; --c4: #8250df; --c5: #8a6100; --c6: #b3337b;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171a; --panel: #1c2024; --ink: #e7eaed; --muted: #a0aab4; --line: #343a41;
    --mark: #71b1f0; --fill: #3f6a96; --level: #ff9b5e; --edge: #8b95a0; --row: #23282d;
    --c1: #71b1f0; --c2: #ff9b5e; --c3: #57c98b; --c4: #bd9bff; --c5: #e0b341; --c6: #f58bc4;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
main { max-width: 1180px; margin: 0 auto; padding: 28px 20px 56px; }
h1 { font-size: 24px; line-height: 1.25; margin: 0 0 6px; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 38px 0 10px; }
h3 { font-size: 15px; margin: 22px 0 4px; overflow-wrap: anywhere; }
p { margin: 4px 0; overflow-wrap: anywhere; }
.note, figcaption, dt, .figures th { color: var(--muted); }
.note { font-size: 14px; max-width: 84ch; }
a { color: var(--mark); }
sub { font-size: 75%; line-height: 0; }
.tiles {
  display: grid; gap: 10px; margin: 20px 0;
  grid-template-columns: repeat(auto-fit, minmax(150px, 1fr));
}
.tiles div { background: var(--panel); border: 1px solid var(--line); border-radius: 8px;
  padding: 10px 14px; min-width: 0; display: flex; flex-direction: column-reverse;
  justify-content: flex-end; }
.tiles dt { font-size: 13px; overflow-wrap: anywhere; }
.tiles dd { margin: 0; font-size: 21px; font-weight: 600; font-variant-numeric: tabular-nums; }
figure { margin: 14px 0 0; min-width: 0; }
figcaption { font-size: 13.5px; margin-bottom: 8px; overflow-wrap: anywhere; }
figcaption b { color: var(--ink); }
.pair { display: grid; gap: 8px 32px; grid-template-columns: minmax(0, 1fr); }
.pair figure { display: flex; flex-direction: column; justify-content: flex-end; }
svg.chart {
  display: block; overflow: visible; width: calc(100% - 76px); margin: 0 14px 0 62px;
  font-size: 12px; font-variant-numeric: tabular-nums;
}
.labelled svg.chart { width: calc(100% - 114px); margin-right: 52px; }
svg.chart text { fill: var(--muted); }
svg.chart text.label { fill: var(--ink); }
.grid line { stroke: var(--line); shape-rendering: crispEdges; }
.grid line.base { stroke: var(--edge); }
svg path { vector-effect: non-scaling-stroke; fill: none; }
svg .bars { fill: var(--fill); }
svg .bar { fill: var(--mark); }
svg .edges { stroke: var(--edge); stroke-width: 1; }
svg .levels, svg .best { stroke: var(--level); stroke-width: 6; stroke-linecap: round; }
svg .many { stroke-width: 4; }
svg .best { stroke-width: 9; }
svg .at { stroke: var(--level); stroke-width: 1; stroke-dasharray: 3 3; }
svg .own { stroke: var(--edge); stroke-width: 1.5; stroke-dasharray: 5 4; }
svg .curve { stroke: var(--mark); stroke-width: 2; stroke-linejoin: round; }
svg .dot { stroke: var(--mark); stroke-width: 7; stroke-linecap: round; }
svg .few .dot { stroke-width: 4; }
svg .dot.low { stroke: var(--level); }
svg .hit { fill: transparent; }
svg a:hover .hit, svg a:focus .hit { fill: var(--edge); fill-opacity: .25; }
svg .s1 { stroke: var(--c1); } svg .s2 { stroke: var(--c2); } svg .s3 { stroke: var(--c3); }
svg .s4 { stroke: var(--c4); } svg .s5 { stroke: var(--c5); } svg .s6 { stroke: var(--c6); }
.keyed { white-space: nowrap; }
.key { display: inline-block; vertical-align: -1px; width: 12px; height: 12px; margin: 0 4px 0 10px;
  border-radius: 3px; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.key.bars { background: var(--fill); }
.key.edges { width: 2px; border-radius: 0; background: var(--edge); }
.key.levels, .key.low { width: 8px; height: 8px; border-radius: 50%; background: var(--level); }
.key.s1 { background: var(--c1); } .key.s2 { background: var(--c2); }
.key.s3 { background: var(--c3); } .key.s4 { background: var(--c4); }
.key.s5 { background: var(--c5); } .key.s6 { background: var(--c6); }
.head, summary {
  display: grid; gap: 0 12px; align-items: baseline; padding: 7px 10px;
  grid-template-columns: 52px minmax(0, 1fr) 140px 84px 84px 60px;
  font-variant-numeric: tabular-nums;
}
.head { color: var(--muted); font-size: 13px; border-bottom: 1px solid var(--line); }
.head span, summary span { text-align: right; }
.head .name, summary .name { text-align: left; }
summary { cursor: pointer; border-radius: 6px; }
summary.kept { display: block; text-align: left; }
summary .number { color: var(--muted); }
summary .number::before, summary.kept::before { content: "\25B8"; float: left; color: var(--muted); }
summary.kept::before { float: none; margin-right: 10px; }
details[open] summary .number::before, details[open] summary.kept::before { content: "\25BE"; }
summary .name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-weight: 600; }
summary:hover { background: var(--row); }
details { border-bottom: 1px solid var(--line); }
details[open] summary .name { white-space: normal; overflow-wrap: anywhere; }
details:has(:target) summary { background: var(--row); }
.tensor { padding: 2px 10px 22px; scroll-margin-top: 60px; }
.facts { display: grid; gap: 2px 24px; margin: 14px 0 0; font-size: 14px;
  grid-template-columns: repeat(auto-fill, minmax(165px, 1fr)); }
.facts div { display: flex; justify-content: space-between; gap: 10px; min-width: 0;
  border-bottom: 1px solid var(--line); }
.facts dd { margin: 0; text-align: right; font-variant-numeric: tabular-nums; min-width: 0;
  overflow-wrap: anywhere; }
.scroll { overflow-x: auto; max-width: 100%; }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { padding: 5px 12px 5px 0; text-align: right; border-bottom: 1px solid var(--line);
  white-space: nowrap; vertical-align: baseline; }
th { font-weight: 400; font-size: 13px; color: var(--muted); }
th.name, td.name { text-align: left; }
td.name { white-space: normal; overflow-wrap: anywhere; min-width: 9em; }
tr.best td { background: var(--row); font-weight: 600; }
footer { margin-top: 44px; color: var(--muted); font-size: 13px; }
@media (min-width: 860px) {
  .pair { grid-template-columns: repeat(2, minmax(0, 1fr)); }
}
@media (max-width: 640px) {
  main { padding: 18px 14px 40px; }
  .head { display: none; }
  summary { grid-template-columns: 46px 1fr 1fr 1fr; padding: 8px 4px; }
  summary .name { grid-column: 2 / -1; }
  summary .kind { grid-column: 2; text-align: left; }
  summary .ratio { display: none; }
  .tensor { padding: 2px 4px 20px; }
  .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .tiles dd { font-size: 18px; }
}
@media print {
  :root {
    --page: #ffffff; --panel: #ffffff; --ink: #000000; --muted: #444c55; --line: #c4cad1;
    --mark: #1f5690; --fill: #8fb8e0; --level: #a8380c; --edge: #69737e; --row: #ffffff;
  }
  body { font-size: 10.5pt; }
  main { max-width: none; padding: 0; }
  figure, .tiles div, .facts, summary { break-inside: avoid; }
  h2, h3, summary { break-after: avoid; }
  .scroll { overflow: visible; }
  a { color: inherit; text-decoration: none; }
}
)css";

}  // namespace wquant
