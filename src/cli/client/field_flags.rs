//! The flags by which the command line sets fields of requests, so that an error of the API names what was typed.

/// A field of a request, and the flag of it. What has no flag is an argument, and known by the field's name.
const FLAGS: [(&str, &str); 25] = [
    ("ban_duration", "--ban"),
    ("duration", "--for"),
    ("filter.applies_to", "--applies-to"),
    ("filter.author", "--author"),
    ("filter.directions", "--inbound or --outbound"),
    ("filter.id", "--id"),
    ("filter.ip_range", "--ip"),
    ("filter.kinds", "--kinds"),
    ("filter.named", "--naming"),
    ("filter.requester", "--to"),
    ("filter.source", "--source"),
    ("filter.states", "--state"),
    ("filter.text", "--text"),
    ("filter.time", "--since or --until"),
    ("format", "--format"),
    ("grouping", "--ranges"),
    ("new_network.moniker", "--moniker"),
    ("new_network.seeds", "--seeds"),
    ("new_network.share_listener_with", "--share-listener-with"),
    ("order", "--order"),
    ("page_size", "--limit"),
    ("reason", "--reason"),
    ("requester_id", "--requester"),
    ("sample_size", "--sample"),
    ("scope", "--do-not-dial"),
];

/// The text of an error with the flag in the place of the field that it begins with.
pub(super) fn by_flag(text: &str) -> String {
    let flagged = |&(field, flag): &(&str, &str)| {
        let rest = text.strip_prefix(field)?.strip_prefix(':')?;
        Some(format!("{flag}:{rest}"))
    };
    FLAGS.iter().find_map(flagged).unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;
    use crate::cli::output::POOL;

    fn flags(command: &clap::Command, all: &mut BTreeSet<String>) {
        all.extend(command.get_arguments().filter_map(|arg| arg.get_long()).map(|name| format!("--{name}")));
        command.get_subcommands().for_each(|command| flags(command, all));
    }

    #[test]
    fn every_field_and_every_flag_is_there() {
        let mut known = BTreeSet::new();
        flags(&Cli::command(), &mut known);
        let messages: Vec<_> = POOL.all_messages().filter(|message| message.package_name() == "pexd.v1").collect();
        for (field, flag) in FLAGS {
            assert!(flag.split(" or ").all(|flag| known.contains(flag)), "{flag}");
            let (holder, name) = field.rsplit_once('.').unwrap_or(("", field));
            let holds = |message: &prost_reflect::MessageDescriptor| message.get_field_by_name(name).is_some();
            let found = messages.iter().any(|message| match holder {
                "" => holds(message),
                _ => {
                    message.get_field_by_name(holder).is_some_and(|field| field.kind().as_message().is_some_and(holds))
                }
            });
            assert!(found, "{field}");
        }
    }

    #[test]
    fn the_flag_stands_where_the_field_was() {
        assert_eq!(by_flag("filter.ip_range: write a range"), "--ip: write a range");
        assert_eq!(by_flag("target: write an ID"), "target: write an ID");
        assert_eq!(by_flag("reasonable: x"), "reasonable: x");
    }
}
