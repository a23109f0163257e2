"""The query language: text to syntax tree, tree to functions, functions over documents."""
