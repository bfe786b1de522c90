"""Kinds of runtimes: what each promises, what their code fills, whether they are well."""
