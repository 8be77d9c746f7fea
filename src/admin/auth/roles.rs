//! Which role a method needs, by its name.

/// What a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Ask.
    Read,
    /// Ask and change.
    Control,
}

impl Role {
    /// As the access file has it.
    pub(in crate::admin) const fn name(self) -> &'static str {
        match self {
            Role::Read => "read",
            Role::Control => "control",
        }
    }
}

/// Services of others that change nothing.
const READ_SERVICES: [&str; 3] =
    ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];
/// Our own services.
const OURS: &str = "pexd.";
/// What the names of methods begin with that change nothing.
const READ_VERBS: [&str; 6] = ["Get", "List", "Watch", "Preview", "Check", "Export"];

/// The least role that may call the method at this path, `/package.Service/Method`. What is not known to be harmless needs
/// the highest.
pub fn needed_role(path: &str) -> Role {
    let Some((service, method)) = path.strip_prefix('/').and_then(|path| path.split_once('/')) else {
        return Role::Control;
    };
    let begins_with = |verb: &str| {
        let rest = method.strip_prefix(verb);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(|c: char| c.is_ascii_uppercase()))
    };
    let harmless = service.starts_with(OURS) && READ_VERBS.into_iter().any(begins_with);
    let reads = harmless || READ_SERVICES.contains(&service);
    if reads { Role::Read } else { Role::Control }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;

    #[test]
    fn every_method_that_is_served_has_its_role() {
        let set = prost_types::FileDescriptorSet::decode(crate::proto::pexd::DESCRIPTORS).unwrap();
        let files = set.file.iter().filter(|file| file.package() == "pexd.v1");
        let mut seen = 0;
        for service in files.flat_map(|file| &file.service) {
            for method in &service.method {
                let role = needed_role(&format!("/pexd.v1.{}/{}", service.name(), method.name()));
                let verb =
                    method.name().find(|c: char| c.is_ascii_uppercase() && c != method.name().chars().next().unwrap());
                let verb = &method.name()[..verb.unwrap_or(method.name().len())];
                assert_eq!(role == Role::Read, READ_VERBS.contains(&verb), "{}", method.name());
                seen += 1;
            }
        }
        assert!(seen > 0);
    }

    #[test]
    fn only_what_is_known_to_be_harmless_is_read() {
        for path in ["/grpc.health.v1.Health/Watch", "/pexd.v1.SeedService/CheckSeeds", "/pexd.v1.X/Watch"] {
            assert_eq!(needed_role(path), Role::Read, "{path}");
        }
        for path in [
            "",
            "/",
            "GetStatus",
            "/GetStatus",
            "/pexd.v1.X/",
            "/pexd.v1.X/Getaway",
            "/pexd.v1.X/get_status",
            "/pexd.v1.X/Import",
            "/pexd.v1.X/Stop/GetStatus",
            "/other.X/GetStatus",
            "//pexd.v1.X/GetStatus",
        ] {
            assert_eq!(needed_role(path), Role::Control, "{path}");
        }
    }
}
