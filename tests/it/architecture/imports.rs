//! Which files of a crate import which. A `use` tree or a path is resolved to the file that defines the name, through re-exports and
//! globs. `#[cfg(test)]` is left out.

use proc_macro2::{TokenStream, TokenTree};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    fmt, fs, mem,
    path::{Path, PathBuf},
};
use syn::{
    Attribute, ImplItem, Item, ItemMod, ItemUse, Meta, UseTree, Visibility,
    visit::{self, Visit},
};

/// The module `from` names something that another file defines.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Import {
    pub(super) from: PathBuf,
    pub(super) to: PathBuf,
    path: Vec<String>,
}

impl fmt::Display for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, path) = (line_of(&self.from, &self.path), self.path.join("::"));
        write!(f, "{}:{line} imports {path} from {}", self.from.display(), self.to.display())
    }
}

/// The modules of a crate; the first one is its root.
pub(super) struct Crate(Vec<Module>);

#[derive(Default)]
struct Module {
    parent: usize,
    /// The module of the file that it is written in: itself, unless it is written in braces.
    home: usize,
    files: Vec<PathBuf>,
    /// Where the files of its children are.
    folder: PathBuf,
    /// Whether it is compiled without any feature.
    is_unconditional: bool,
    children: HashMap<String, usize>,
    /// The items that it has, with the module that defines them: another one for a macro that is exported from the root.
    items: HashMap<String, usize>,
    /// Words in macros that may define items.
    in_macros: HashSet<String>,
    uses: Vec<Use>,
    /// Every path that it writes down, with the file.
    paths: Vec<(PathBuf, Vec<String>)>,
}

struct Use {
    /// `None` for a glob.
    name: Option<String>,
    path: Vec<String>,
    is_public: bool,
}

#[derive(Clone, Copy)]
enum Found {
    Module(usize),
    /// Something that this module defines.
    Item(usize),
    OtherCrate,
}

impl Crate {
    /// Reads the crate with this root file, e.g. `src/lib.rs`.
    pub(super) fn read(root: &Path) -> Self {
        let folder = root.parent().unwrap().to_owned();
        let mut read = Self(vec![Module { folder, is_unconditional: true, ..Module::default() }]);
        read.read_file(0, root);
        read
    }

    fn read_file(&mut self, module: usize, path: &Path) {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let file = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        self.0[module].files.push(path.to_owned());
        Reader { modules: &mut self.0, module, file: path }.visit_file(&file);
        for (child, path) in self.unread(module) {
            self.read_file(child, &path);
        }
    }

    /// The files of the modules below `module` that are declared and not read yet.
    fn unread(&mut self, module: usize) -> Vec<(usize, PathBuf)> {
        let children: Vec<usize> = self.0[module].children.values().copied().collect();
        let mut unread = Vec::new();
        for child in children {
            if self.0[child].home != child {
                unread.extend(self.unread(child));
            } else if self.0[child].paths.is_empty() {
                unread.extend(mem::take(&mut self.0[child].files).into_iter().map(|path| (child, path)));
            }
        }
        unread
    }

    /// All imports from one file of the crate to another.
    pub(super) fn imports(&self) -> BTreeSet<Import> {
        let mut imports = BTreeSet::new();
        for (from, module) in self.0.iter().enumerate() {
            for (file, path) in &module.paths {
                let to = match self.resolve(from, path, &mut HashSet::new()) {
                    Some(Found::Module(to) | Found::Item(to)) => self.0[to].home,
                    Some(Found::OtherCrate) => continue,
                    None => panic!("{}: cannot resolve {}", file.display(), path.join("::")),
                };
                if to != module.home {
                    imports.insert(Import { from: file.clone(), to: self.0[to].files[0].clone(), path: path.clone() });
                }
            }
        }
        imports
    }

    pub(super) fn files(&self) -> BTreeSet<PathBuf> {
        self.0.iter().flat_map(|module| module.files.iter().cloned()).collect()
    }

    /// The files that are compiled without any feature, and whose parents are.
    pub(super) fn unconditional(&self) -> BTreeSet<PathBuf> {
        let modules = self.0.iter().enumerate();
        modules.filter(|(id, _)| self.is_unconditional(*id)).flat_map(|(_, module)| module.files.iter().cloned()).collect()
    }

    fn is_unconditional(&self, module: usize) -> bool {
        self.0[module].is_unconditional && (module == 0 || self.is_unconditional(self.0[module].parent))
    }

    fn resolve(&self, from: usize, path: &[String], seen: &mut HashSet<(usize, String)>) -> Option<Found> {
        let (first, rest) = path.split_first()?;
        let mut found = match first.as_str() {
            "crate" => Found::Module(0),
            "self" => Found::Module(from),
            "super" => Found::Module(self.0[from].parent),
            name => self.lookup(from, name, seen).unwrap_or(Found::OtherCrate),
        };
        for name in rest {
            found = match found {
                Found::Module(module) if name == "super" => Found::Module(self.0[module].parent),
                // an unknown name of a module is one that a macro makes, e.g. `Entity`; the root has none of its own
                Found::Module(module) => match self.lookup(module, name, seen) {
                    None if module == 0 => return None,
                    other => other.unwrap_or(Found::Item(module)),
                },
                item => item,
            };
        }
        Some(found)
    }

    fn lookup(&self, module: usize, name: &str, seen: &mut HashSet<(usize, String)>) -> Option<Found> {
        self.lookup_from(module, module, name, seen)
    }

    fn lookup_from(&self, from: usize, module: usize, name: &str, seen: &mut HashSet<(usize, String)>) -> Option<Found> {
        let this = &self.0[module];
        if let Some(child) = this.children.get(name) {
            return Some(Found::Module(*child));
        }
        if let Some(definer) = this.items.get(name) {
            return Some(Found::Item(*definer));
        }
        if !seen.insert((module, name.to_owned())) {
            return None;
        }
        let sees_all = self.is_within(from, module);
        let visible = || this.uses.iter().filter(|one| sees_all || one.is_public);
        if let Some(import) = visible().find(|one| one.name.as_deref() == Some(name)) {
            return self.resolve(module, &import.path, seen);
        }
        for glob in visible().filter(|one| one.name.is_none()) {
            if let Some(Found::Module(other)) = self.resolve(module, &glob.path, seen)
                && let Some(found) = self.lookup_from(module, other, name, seen)
            {
                return Some(found);
            }
        }
        this.in_macros.contains(name).then_some(Found::Item(module))
    }

    fn is_within(&self, module: usize, outer: usize) -> bool {
        module == outer || module != 0 && self.is_within(self.0[module].parent, outer)
    }
}

/// The shortest circles of these imports, each once.
pub(super) fn circles(imports: &BTreeSet<Import>) -> Vec<Vec<&Import>> {
    let mut from: BTreeMap<&Path, BTreeMap<&Path, &Import>> = BTreeMap::new();
    for import in imports {
        from.entry(&import.from).or_default().entry(&import.to).or_insert(import);
    }
    let mut circles: BTreeMap<BTreeSet<&Path>, Vec<&Import>> = BTreeMap::new();
    for &start in from.keys() {
        // breadth first: how each file was first reached
        let mut reached_by: BTreeMap<&Path, &Import> = BTreeMap::new();
        let mut queue = VecDeque::from([start]);
        while let Some(file) = queue.pop_front()
            && !reached_by.contains_key(start)
        {
            for (&to, &import) in from.get(file).into_iter().flatten() {
                reached_by.entry(to).or_insert_with(|| {
                    queue.push_back(to);
                    import
                });
            }
        }
        let mut circle: Vec<&Import> = reached_by.get(start).copied().into_iter().collect();
        while let Some(first) = circle.last().filter(|first| first.from != start) {
            circle.push(reached_by[first.from.as_path()]);
        }
        circle.reverse();
        if !circle.is_empty() {
            circles.entry(circle.iter().map(|import| import.from.as_path()).collect()).or_insert(circle);
        }
    }
    circles.into_values().collect()
}

/// The first line of the file that has as much of the end of the path as any line has: without another feature of proc-macro2, spans
/// know no lines.
fn line_of(file: &Path, path: &[String]) -> usize {
    let text = fs::read_to_string(file).unwrap();
    for skipped in 0..path.len() {
        let end = path[skipped..].join("::");
        let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let has_end = |line: &str| {
            let code = line.split("//").next().unwrap_or_default();
            let is_declaration = code.ends_with(';') && code.trim_start_matches("pub ").starts_with("mod ");
            !is_declaration
                && code
                    .match_indices(&end)
                    .any(|(at, _)| !is_word(code[..at].chars().next_back()) && !is_word(code[at + end.len()..].chars().next()))
        };
        if let Some(line) = text.lines().position(has_end) {
            return line + 1;
        }
    }
    1
}

/// Fills one module from its file.
struct Reader<'a> {
    modules: &'a mut Vec<Module>,
    module: usize,
    file: &'a Path,
}

impl Reader<'_> {
    fn this(&mut self) -> &mut Module {
        &mut self.modules[self.module]
    }

    fn add_path(&mut self, path: Vec<String>) {
        let file = self.file.to_owned();
        self.this().paths.push((file, path));
    }

    fn add_use(&mut self, tree: &UseTree, mut path: Vec<String>, is_public: bool) {
        let name = match tree {
            UseTree::Path(inner) => {
                path.push(inner.ident.to_string());
                return self.add_use(&inner.tree, path, is_public);
            }
            UseTree::Group(group) => return group.items.iter().for_each(|tree| self.add_use(tree, path.clone(), is_public)),
            UseTree::Glob(_) => None,
            UseTree::Name(leaf) if leaf.ident == "self" => path.last().cloned(),
            UseTree::Rename(leaf) if leaf.ident == "self" => Some(leaf.rename.to_string()),
            UseTree::Name(leaf) => {
                path.push(leaf.ident.to_string());
                path.last().cloned()
            }
            UseTree::Rename(leaf) => {
                path.push(leaf.ident.to_string());
                Some(leaf.rename.to_string())
            }
        };
        self.add_path(path.clone());
        self.this().uses.push(Use { name, path, is_public });
    }

    /// Paths in tokens, e.g. in the arguments of a macro.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Ident(ident) if colons == 2 && !path.is_empty() => {
                    path.push(ident.to_string());
                    colons = 0;
                }
                other => {
                    self.end_path(mem::take(&mut path));
                    match other {
                        // after `::`, as in `<T>::new`, it begins no path
                        TokenTree::Ident(ident) if colons != 2 => path.push(ident.to_string()),
                        TokenTree::Group(group) => self.add_tokens(group.stream()),
                        _ => {}
                    }
                    colons = 0;
                }
            }
        }
        self.end_path(path);
    }

    fn end_path(&mut self, path: Vec<String>) {
        if path.len() > 1 {
            self.add_path(path);
        }
    }

    fn add_module(&mut self, item: &ItemMod) {
        let name = item.ident.to_string();
        let (id, parent) = (self.modules.len(), self.module);
        let is_unconditional = !item.attrs.iter().any(|attribute| attribute.path().is_ident("cfg"));
        let folder = self.this().folder.join(&name);
        let mut module = Module { parent, home: id, is_unconditional, folder, ..Module::default() };
        if item.content.is_some() {
            module.home = self.this().home;
            module.files = vec![self.file.to_owned()];
        } else {
            let parent = &self.this().folder;
            let own = [parent.join(format!("{name}.rs")), module.folder.join("mod.rs")].into_iter().filter(|path| path.exists());
            // with `path` in a `cfg_attr` either file is the module
            module.files = own.chain(paths_of(&item.attrs).map(|path| parent.join(path))).collect();
        }
        self.modules.push(module);
        self.this().children.insert(name, id);
        if item.content.is_some() {
            let mut inner = Reader { modules: self.modules, module: id, file: self.file };
            visit::visit_item_mod(&mut inner, item);
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let (name, attributes) = name_and_attributes(item);
        if is_test(attributes) {
            return;
        }
        if let Item::Mod(module) = item {
            return self.add_module(module);
        }
        if let Item::Macro(item) = item {
            let words = words(item.mac.tokens.clone());
            self.this().in_macros.extend(words);
        }
        if let Some(name) = name {
            let definer = self.module;
            // what `#[kernel::api]` makes of a trait
            if let (Item::Trait(_), Some(stem)) = (item, name.strip_suffix("Api")) {
                let made = [format!("{stem}Client"), "ops".into(), "OPS".into()];
                self.this().items.extend(made.map(|name| (name, definer)));
            }
            let is_exported = attributes.iter().any(|attribute| attribute.path().is_ident("macro_export"));
            self.modules[if is_exported { 0 } else { definer }].items.insert(name, definer);
        }
        visit::visit_item(self, item);
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        match item {
            ImplItem::Fn(function) if is_test(&function.attrs) => {}
            item => visit::visit_impl_item(self, item),
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.add_use(&item.tree, Vec::new(), !matches!(item.vis, Visibility::Inherited));
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            self.end_path(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        self.add_tokens(called.tokens.clone());
        visit::visit_macro(self, called);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Meta::List(list) = &attribute.meta {
            self.add_tokens(list.tokens.clone());
        }
    }

    // `pub(crate)` imports nothing
    fn visit_visibility(&mut self, _: &'ast Visibility) {}
}

fn name_and_attributes(item: &Item) -> (Option<String>, &[Attribute]) {
    match item {
        Item::Const(item) => (Some(item.ident.to_string()), &item.attrs),
        Item::Enum(item) => (Some(item.ident.to_string()), &item.attrs),
        Item::Fn(item) => (Some(item.sig.ident.to_string()), &item.attrs),
        Item::Impl(item) => (None, &item.attrs),
        Item::Macro(item) => (item.ident.as_ref().map(ToString::to_string), &item.attrs),
        Item::Mod(item) => (None, &item.attrs),
        Item::Static(item) => (Some(item.ident.to_string()), &item.attrs),
        Item::Struct(item) => (Some(item.ident.to_string()), &item.attrs),
        Item::Trait(item) => (Some(item.ident.to_string()), &item.attrs),
        Item::Type(item) => (Some(item.ident.to_string()), &item.attrs),
        Item::Use(item) => (None, &item.attrs),
        _ => (None, &[]),
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string() == "test",
        _ => false,
    })
}

/// The `path = ".."` of a module, on its own or in a `cfg_attr`.
fn paths_of(attributes: &[Attribute]) -> impl Iterator<Item = String> {
    attributes.iter().filter_map(|attribute| {
        let text = match &attribute.meta {
            Meta::NameValue(pair) if pair.path.is_ident("path") => return text_of(&pair.value),
            Meta::List(list) if list.path.is_ident("cfg_attr") => list.tokens.to_string(),
            _ => return None,
        };
        Some(text.split_once("path = \"")?.1.split('"').next()?.to_owned())
    })
}

fn text_of(value: &syn::Expr) -> Option<String> {
    match value {
        syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
        _ => None,
    }
}

fn words(tokens: TokenStream) -> HashSet<String> {
    let mut words = HashSet::new();
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => drop(words.insert(ident.to_string())),
            TokenTree::Group(group) => words.extend(self::words(group.stream())),
            _ => {}
        }
    }
    words
}

#[test]
fn an_import_is_resolved_to_the_file_that_defines_the_name() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("lib.rs", "mod api;\nmod types;\n#[cfg(feature = \"server\")]\nmod store;\npub use api::*;\npub use types::*;");
    write("api.rs", "use crate::Thing;\n#[kernel::api(module = \"thing\")]\npub trait ThingApi { fn get(&self) -> Thing; }");
    write("types.rs", "kernel::uuid_id!(ThingId);\npub struct Thing;\n#[cfg(test)] mod tests { use crate::store::Row; }");
    write(
        "store.rs",
        "mod sql;\nuse sql::find;\npub(crate) struct Row;\nfn get() { vec![find(), crate::ops::GET, crate::ThingId]; }",
    );
    write("store/sql.rs", "use super::Row;\npub(crate) fn find() -> Row { crate::ThingClient::new(); Row }");
    let read = Crate::read(&folder.path().join("lib.rs"));
    let imports = read.imports();
    let short = |path: &Path| path.strip_prefix(folder.path()).unwrap().display().to_string();
    let found: Vec<_> =
        imports.iter().map(|one| format!("{}:{} {}", short(&one.from), line_of(&one.from, &one.path), short(&one.to))).collect();
    assert_eq!(
        found,
        [
            "api.rs:1 types.rs",
            "lib.rs:5 api.rs",
            "lib.rs:6 types.rs",
            "store/sql.rs:2 api.rs",
            "store/sql.rs:1 store.rs",
            "store.rs:4 api.rs",
            "store.rs:2 store/sql.rs",
            "store.rs:4 types.rs",
        ]
    );
    let circles = circles(&imports);
    assert_eq!(circles.len(), 1);
    assert_eq!(circles[0].iter().map(|one| short(&one.from)).collect::<Vec<_>>(), ["store/sql.rs", "store.rs"]);
    let contract: Vec<_> = read.unconditional().iter().map(|path| short(path)).collect();
    assert_eq!(contract, ["api.rs", "lib.rs", "types.rs"]);
}
