// Takes the place of the theme's 1.5 MB icon script: the few icons that the site shows are drawn in site.css.
