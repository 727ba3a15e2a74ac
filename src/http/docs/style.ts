/** The look of the pages; works in light and dark. */
export const STYLE = `:root { color-scheme: light dark; --line: #8884; --soft: #8882; --accent: #06c; }
@media (prefers-color-scheme: dark) { :root { --accent: #6bf; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 6rem; max-width: 62rem; font: 16px/1.55 system-ui, sans-serif; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .5rem; }
h2 { margin: 3rem 0 .75rem; padding-top: 1rem; border-top: 1px solid var(--line); }
h3 { margin: 2.25rem 0 .5rem; font-size: 1.05rem; }
h4 { margin: 1.25rem 0 .25rem; font-size: .95rem; }
a { color: var(--accent); }
code, pre { font: .875rem/1.5 ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace; }
code { background: var(--soft); padding: .1em .3em; border-radius: .25rem; overflow-wrap: anywhere; }
pre { background: var(--soft); padding: .9rem 1rem; border-radius: .5rem; overflow-x: auto; }
pre code { background: none; padding: 0; overflow-wrap: normal; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1rem; font-size: .925rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); }
nav ul { columns: 16rem; padding-left: 1.1rem; }
.method { display: inline-block; min-width: 4.2em; font-weight: 700; }
.note { color: #888; font-size: .9rem; }
`;
