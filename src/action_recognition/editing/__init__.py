"""Taking moments away: cut-outs, annotated films, GIFs, contact sheets, lists for editors."""
