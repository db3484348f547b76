// Takes the place of the theme's icon script of 1.5 MB, which draws every icon a second time: the web font that the
// theme's style sheet loads has them already. Without the script, ipywidgets' own icons also keep working.
