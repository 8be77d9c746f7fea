//! docs/api.md, made of the descriptors and their comments: each method with its request and response, then what these
//! have in common.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use prost_reflect::{
    Cardinality, EnumDescriptor, FieldDescriptor, FileDescriptor, Kind, MessageDescriptor, MethodDescriptor,
    ServiceDescriptor,
};

use crate::admin::{self, Role};
use crate::cli::output::POOL;

/// Our own messages; those of others are described by others.
const PACKAGE: &str = "pexd.v1";
/// The file whose head has what holds for all.
const COMMON: &str = "pexd/v1/common.proto";
/// Where a file's description has its package statement.
const PACKAGE_PATH: [i32; 1] = [2];

const HEAD: &str = "\
# The admin API

<!-- Made from the comments in proto/pexd/v1 by `pexd reference api > docs/api.md`. Do not edit. -->

Six services of package `pexd.v1`, beside `grpc.health.v1.Health` and both versions of reflection. The files are in
[proto/pexd/v1](../proto/pexd/v1); [operations.md](operations.md) has a line to try for each method.

In JSON, as grpcurl and `pexd --json` write it, names are `lowerCamelCase` (both forms are read), a Timestamp is
`\"2026-01-31T12:00:00Z\"`, a Duration `\"90s\"`, `bytes` are base64, and 64-bit numbers are strings. grpcurl leaves out fields
that have their default value.
";

/// The text of the reference.
pub(super) fn reference() -> String {
    let ours = |name: &str| name == PACKAGE;
    let mut services: Vec<_> = POOL.services().filter(|service| ours(service.package_name())).collect();
    services.sort_by(|a, b| a.name().cmp(b.name()));
    let comments = Comments::read();
    let mut page = Page { text: HEAD.to_owned(), comments };

    page.heading(2, "For every method");
    page.paragraph(&page.comments.of(COMMON, &PACKAGE_PATH));
    page.contents(&services);
    let mut reported = BTreeSet::new();
    for service in &services {
        page.service(service);
        let ends = service.methods().flat_map(|method| [method.input(), method.output()]);
        reported.extend(ends.map(|message| message.full_name().to_owned()));
    }
    page.heading(2, "Messages");
    let rest = POOL.all_messages().filter(|message| ours(message.package_name()));
    let rest = rest.filter(|message| !reported.contains(message.full_name()) && !message.is_map_entry());
    for (name, message) in rest.map(|message| (message.name().to_owned(), message)).collect::<BTreeMap<_, _>>() {
        page.heading(3, &name);
        page.message(&message);
    }
    page.heading(2, "Enums");
    let enums = POOL.all_enums().filter(|enumeration| ours(enumeration.package_name()));
    for (_, enumeration) in enums.map(|e| (e.name().to_owned(), e)).collect::<BTreeMap<_, _>>() {
        page.enumeration(&enumeration);
    }
    page.text
}

/// The page as far as it is written.
struct Page {
    text: String,
    comments: Comments,
}

impl Page {
    fn heading(&mut self, level: usize, text: &str) {
        let _ = write!(self.text, "\n{} {text}\n", "#".repeat(level));
    }

    fn paragraph(&mut self, text: &str) {
        if !text.is_empty() {
            let _ = write!(self.text, "\n{text}\n");
        }
    }

    fn contents(&mut self, services: &[ServiceDescriptor]) {
        self.text.push_str("\n| service | methods |\n|---|---|\n");
        for service in services {
            let link = |method: MethodDescriptor| format!("[{}](#{})", method.name(), anchor(&title(&method)));
            let methods: Vec<_> = service.methods().map(link).collect();
            let name = service.name();
            let _ = writeln!(self.text, "| [{name}](#{}) | {} |", anchor(name), methods.join(", "));
        }
    }

    fn service(&mut self, service: &ServiceDescriptor) {
        self.heading(2, service.name());
        self.paragraph(&self.comments.of(service.parent_file().name(), service.path()));
        for method in service.methods() {
            self.method(&method);
        }
    }

    fn method(&mut self, method: &MethodDescriptor) {
        self.heading(3, &title(method));
        self.paragraph(&self.comments.of(method.parent_file().name(), method.path()));
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        let role = match admin::needed_role(&path) {
            Role::Read => "read",
            Role::Control => "control",
        };
        self.paragraph(&format!("Role: `{role}`"));
        self.end_of("Request", method.is_client_streaming(), &method.input());
        self.end_of("Response", method.is_server_streaming(), &method.output());
    }

    /// A method's request or response.
    fn end_of(&mut self, what: &str, streams: bool, message: &MessageDescriptor) {
        let stream = if streams { "stream of " } else { "" };
        let _ = write!(self.text, "\n{what}: {stream}`{}`", message.name());
        if message.fields().len() == 0 {
            self.text.push_str(", without fields\n");
        } else {
            self.text.push('\n');
            self.fields(message);
        }
    }

    fn message(&mut self, message: &MessageDescriptor) {
        self.paragraph(&self.comments.of(message.parent_file().name(), message.path()));
        self.fields(message);
    }

    fn fields(&mut self, message: &MessageDescriptor) {
        self.text.push_str("\n| field | type | |\n|---|---|---|\n");
        for field in message.fields() {
            let comment = self.comments.of(field.parent_file().name(), field.path());
            let _ = writeln!(self.text, "| `{}` | {} | {} |", field.name(), type_of(&field), cell(&comment));
        }
    }

    fn enumeration(&mut self, enumeration: &EnumDescriptor) {
        let file = enumeration.parent_file();
        self.heading(3, enumeration.name());
        self.paragraph(&self.comments.of(file.name(), enumeration.path()));
        self.text.push_str("\n| value | |\n|---|---|\n");
        for value in enumeration.values() {
            let comment = self.comments.of(file.name(), value.path());
            let _ = writeln!(self.text, "| `{}` | {} |", value.name(), cell(&comment));
        }
    }
}

/// The comments, by file and path.
struct Comments(BTreeMap<(String, Vec<i32>), String>);

impl Comments {
    fn read() -> Self {
        let locations = |file: FileDescriptor| {
            let info = file.file_descriptor_proto().source_code_info.clone().unwrap_or_default();
            let name = file.name().to_owned();
            info.location.into_iter().map(move |at| ((name.clone(), at.path), at.leading_comments.unwrap_or_default()))
        };
        Comments(POOL.files().flat_map(locations).filter(|(_, text)| !text.is_empty()).collect())
    }

    /// Its lines as they were written, without what made them a comment.
    fn of(&self, file: &str, path: &[i32]) -> String {
        let text = self.0.get(&(file.to_owned(), path.to_vec())).map_or("", |text| text.as_str());
        let lines = text.lines().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end());
        lines.collect::<Vec<_>>().join("\n").trim().to_owned()
    }
}

/// A method's heading. Methods and messages may have one name.
fn title(method: &MethodDescriptor) -> String {
    format!("{}.{}", method.parent_service().name(), method.name())
}

/// What a heading is linked by: no punctuation, lower case.
fn anchor(heading: &str) -> String {
    heading.to_lowercase().replace('.', "").replace(' ', "-")
}

fn type_of(field: &FieldDescriptor) -> String {
    let name = match field.kind() {
        Kind::Message(message) => named(message.package_name(), message.name()),
        Kind::Enum(enumeration) => named(enumeration.package_name(), enumeration.name()),
        scalar => format!("{scalar:?}").to_lowercase(),
    };
    match field.containing_oneof() {
        _ if field.cardinality() == Cardinality::Repeated => format!("repeated {name}"),
        Some(choice) if choice.is_synthetic() => format!("optional {name}"),
        Some(choice) => format!("{name}, one of `{}`", choice.name()),
        None => name,
    }
}

fn named(package: &str, name: &str) -> String {
    if package == PACKAGE { format!("[{name}](#{})", anchor(name)) } else { name.to_owned() }
}

/// Text for one cell of a table.
fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_link_leads_to_a_heading() {
        let text = reference();
        let headings: Vec<_> = text.lines().filter_map(|line| line.strip_prefix('#')).collect();
        let anchors: BTreeSet<_> = headings.iter().map(|line| anchor(line.trim_start_matches('#').trim())).collect();
        assert_eq!(anchors.len(), headings.len(), "two headings have one anchor");
        let links: BTreeSet<_> = text.split("(#").skip(1).filter_map(|rest| rest.split(')').next()).collect();
        let broken: Vec<_> = links.iter().filter(|link| !anchors.contains(**link)).collect();
        assert!(links.len() > 50 && broken.is_empty(), "{broken:?}");
    }

    #[test]
    fn everything_has_its_comment() {
        let bare: Vec<_> = reference().lines().filter(|line| line.ends_with("|  |")).map(str::to_owned).collect();
        assert!(bare.is_empty(), "{bare:?}");
    }
}
