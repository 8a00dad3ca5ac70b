"""How do numbers over time look, in text and as SVG? Values in, text out, for every command that draws."""
