//! One source file as the rules see it: the paths that its code names, each with its line. Comments, strings and what is
//! compiled for tests only are not code of the program.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::visit::{self, Visit};
use syn::{Attribute, File, Item, ItemUse, UseTree, Visibility};

/// A path that the code names, such as `crate::book::Book`, as it is written or, of a grouped import, spelt out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    /// The line of the file, from 1.
    pub(crate) line: usize,
    /// Its segments.
    pub(crate) path: Vec<String>,
}

/// A name that a file gives to what another one defines (`pub use`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReExport {
    /// The name here; `*` for all names.
    pub(crate) name: String,
    /// Its path as it is written.
    pub(crate) path: Vec<String>,
}

/// What a file has for the rules.
#[derive(Clone, Debug, Default)]
pub(crate) struct Source {
    /// Every path, those of imports spelt out one by one.
    pub(crate) named: Vec<Named>,
    /// What it hands on.
    pub(crate) re_exports: Vec<ReExport>,
    /// The modules that it declares with files of their own.
    pub(crate) children: Vec<String>,
}

/// Reads a file's code.
///
/// # Panics
/// When it does not parse; it would not compile either.
pub(crate) fn read(text: &str) -> Source {
    let file: File = syn::parse_str(text).expect("a source file that parses");
    let mut source = Source::default();
    items(&file.items, 0, &mut source);
    source
}

/// `depth` counts the inline modules around the items: their `super` is still this file.
fn items(all: &[Item], depth: usize, source: &mut Source) {
    for item in all.iter().filter(|item| !is_for_tests(attributes(item))) {
        match item {
            Item::Mod(module) => match &module.content {
                Some((_, inner)) => items(inner, depth + 1, source),
                None => source.children.push(module.ident.to_string()),
            },
            Item::Use(import) => {
                let leaves = leaves(import);
                if depth == 0 && !matches!(import.vis, Visibility::Inherited) {
                    source.re_exports.extend(
                        leaves.iter().map(|(name, named)| ReExport { name: name.clone(), path: named.path.clone() }),
                    );
                }
                source.named.extend(leaves.into_iter().filter_map(|(_, named)| outside(named, depth)));
            }
            item => {
                let mut found = Vec::new();
                LocalImports(&mut found).visit_item(item);
                walk(item.to_token_stream(), &mut found);
                source.named.extend(found.into_iter().filter_map(|named| outside(named, depth)));
            }
        }
    }
}

/// A path as the file itself would write it: `super` of an inline module is the file.
fn outside(mut named: Named, depth: usize) -> Option<Named> {
    for _ in 0..depth {
        match named.path.first().map(String::as_str) {
            Some("super") => drop(named.path.remove(0)),
            Some("self") => return None,
            _ => return Some(named),
        }
    }
    (!named.path.is_empty()).then_some(named)
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg") && attribute.meta.to_token_stream().to_string().replace(' ', "") == "cfg(test)"
    })
}

/// The paths of an import one by one, each with the name that it gets here.
fn leaves(import: &ItemUse) -> Vec<(String, Named)> {
    let mut all = Vec::new();
    spell_out(&import.tree, &mut Vec::new(), &mut all);
    all
}

fn spell_out(tree: &UseTree, path: &mut Vec<String>, all: &mut Vec<(String, Named)>) {
    let mut leaf = |ident: &syn::Ident, name: String, path: &[String]| {
        let mut path = path.to_vec();
        if ident != "self" || path.is_empty() {
            path.push(ident.to_string());
        }
        let name = if name == "self" { path.last().cloned().unwrap_or_default() } else { name };
        all.push((name, Named { line: ident.span().start().line, path }));
    };
    match tree {
        UseTree::Path(part) => {
            path.push(part.ident.to_string());
            spell_out(&part.tree, path, all);
            path.pop();
        }
        UseTree::Name(name) => leaf(&name.ident, name.ident.to_string(), path),
        UseTree::Rename(rename) => leaf(&rename.ident, rename.rename.to_string(), path),
        UseTree::Glob(star) => {
            all.push(("*".to_owned(), Named { line: star.star_token.spans[0].start().line, path: path.clone() }));
        }
        UseTree::Group(group) => group.items.iter().for_each(|tree| spell_out(tree, path, all)),
    }
}

/// Imports within functions.
struct LocalImports<'a>(&'a mut Vec<Named>);

impl<'ast> Visit<'ast> for LocalImports<'_> {
    fn visit_item_use(&mut self, import: &'ast ItemUse) {
        self.0.extend(leaves(import).into_iter().map(|(_, named)| named));
        visit::visit_item_use(self, import);
    }
}

/// The paths of any tokens, those of macros' arguments among them.
fn walk(tokens: TokenStream, found: &mut Vec<Named>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Group(group) => walk(group.stream(), found),
            TokenTree::Ident(first) => {
                let mut path = vec![first.to_string()];
                while let [TokenTree::Punct(a), TokenTree::Punct(b), TokenTree::Ident(next), ..] = &tokens[at + 1..]
                    && a.as_char() == ':'
                    && b.as_char() == ':'
                {
                    path.push(next.to_string());
                    at += 3;
                }
                found.push(Named { line: first.span().start().line, path });
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
        at += 1;
    }
}

#[test]
fn grouped_local_and_quoted_imports_are_spelt_out() {
    let source = read(
        "use crate::{admin::{self, page::Pages as P}, book};\n\
         fn f() { use crate::{http, node::*}; tracing::info!(x = crate::store::open()); }\n\
         #[cfg(test)] use crate::testkit;\n\
         #[cfg(test)] mod tests { use crate::cli; }\n\
         mod inner { use super::super::wire; }\n\
         /// crate::localnet\n const TEXT: &str = \"crate::app\";",
    );
    let named: Vec<String> = source.named.iter().map(|named| named.path.join("::")).collect();
    for path in
        ["crate::admin", "crate::admin::page::Pages", "crate::book", "crate::http", "crate::node", "super::wire"]
    {
        assert!(named.contains(&path.to_owned()), "{path}: {named:?}");
    }
    assert!(named.contains(&"crate::store::open".to_owned()), "{named:?}");
    for word in ["testkit", "cli", "localnet", "app"] {
        assert!(!named.iter().any(|path| path.ends_with(word)), "{word}: {named:?}");
    }
}
