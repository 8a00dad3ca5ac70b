"""How does the report look? By day and by night, on a wide screen and on a narrow one."""

CSS = """
:root { color-scheme: light dark; --ground: #fff; --ink: #1c2430; --quiet: #667085; --rule: #e4e7ec; --tile: #f6f7f9;
  --chat: #2f6fde; --embed: #c77700; --train: #a04bb0; --used: #12805c; --panic: #d9362b22; --on: #fff; }
@media (prefers-color-scheme: dark) { :root { --ground: #12161c; --ink: #e6e9ee; --quiet: #98a2b3; --rule: #2a313b;
  --tile: #1a2028; --chat: #6ea3ff; --embed: #f2b13c; --train: #d58be0; --used: #4cc79a; --panic: #ff6b6033;
  --on: #12161c; } }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 860px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 26px; margin: 0; } h2 { font-size: 19px; margin: 36px 0 0; }
p, .note, summary { color: var(--quiet); } .note { margin: 4px 0 0; font-size: 13px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(130px, 1fr)); gap: 10px; margin: 20px 0; }
.tiles div { background: var(--tile); border-radius: 8px; padding: 12px 14px; color: var(--quiet); font-size: 13px; }
.tiles b { display: block; color: var(--ink); font-size: 22px; font-variant-numeric: tabular-nums;
  white-space: nowrap; }
figure { margin: 18px 0 0; } figcaption { font-size: 13px; } figcaption b { margin-right: 14px; }
svg { display: block; width: 100%; height: auto; margin-top: 4px; }
svg text { fill: var(--quiet); font: 11px system-ui, sans-serif; } .grid { stroke: var(--rule); }
.line { fill: none; stroke: currentColor; stroke-width: 2; stroke-linejoin: round; }
.line.dashed { stroke-dasharray: 5 4; stroke-width: 1.5; } .line.thin { stroke-width: 1; opacity: .65; }
.all { color: var(--quiet); } .used { color: var(--used); } .without, .there { color: var(--quiet); }
.chat { color: var(--chat); } .embed { color: var(--embed); } .train { color: var(--train); }
rect.panic { fill: var(--panic); }
.key { margin-right: 12px; white-space: nowrap; }
.key::before { content: ""; display: inline-block; width: 18px; margin-right: 5px; vertical-align: middle;
  border-top: 2px solid currentColor; }
.key.dashed::before { border-top-style: dashed; } .key.thin::before { border-top-width: 1px; }
.key.panic::before { border: 0; height: 12px; background: var(--panic); }
.scroll { overflow-x: auto; margin-top: 10px; }
table { border-collapse: collapse; width: 100%; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 5px 12px 5px 0; border-bottom: 1px solid var(--rule); vertical-align: top; }
th { color: var(--quiet); font-weight: 500; }
.gpus { min-width: 560px; } .gpus td { width: 23%; } .gpus th, .gpus td { border: 0; padding: 3px 8px 3px 0; }
.gpus div { display: flex; height: 28px; border-radius: 5px; overflow: hidden; background: var(--tile);
  outline: 1px solid var(--rule); }
.gpus i { box-sizing: border-box; border-right: 2px solid var(--ground); background: currentColor; overflow: hidden;
  font-style: normal; font-size: 11px; line-height: 28px; text-indent: 5px; }
.gpus i { -webkit-text-fill-color: var(--on); }
details { margin-top: 24px; } summary { cursor: pointer; }
"""
