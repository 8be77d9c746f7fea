//! The bearer token of a request: `authorization: Bearer TOKEN` (RFC 6750, section 2.1), read within bounds and checked
//! against the access file.

use std::sync::Arc;

use tonic::codegen::http::HeaderMap;
use tonic::codegen::http::header::AUTHORIZATION;

use super::grants::{Credential, Grant, Grants};

/// Bytes of a token at most; longer ones are not read.
const MAX_TOKEN: usize = 256;
/// What a token is preceded by, in any case.
const SCHEME: &str = "bearer ";

/// The token of a request, as a credential, and what it is good for, whether that has ended or not.
///
/// # Errors
/// Why there is none; for the log alone, since the caller must not learn which tokens exist.
pub(super) fn check(headers: &HeaderMap, grants: &Grants) -> Result<(Credential, Arc<Grant>), &'static str> {
    let credential = Credential::of_token(bearer(headers).ok_or("malformed token")?);
    let grant = grants.find(&credential).cloned().ok_or("unknown token")?;
    Ok((credential, grant))
}

/// The token of the one authorization header there may be.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let (value, None) = (all.next()?.as_bytes(), all.next()) else { return None };
    let (scheme, token) = value.split_at_checked(SCHEME.len())?;
    let token = token.trim_ascii();
    let fits = scheme.eq_ignore_ascii_case(SCHEME.as_bytes()) && (1..=MAX_TOKEN).contains(&token.len());
    fits.then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_from_one_header_and_bounded() {
        let read = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, value.parse().unwrap());
            }
            bearer(&headers).map(<[u8]>::to_vec)
        };
        assert_eq!(read(&["Bearer abc"]), Some(b"abc".to_vec()));
        assert_eq!(read(&["bearer  abc "]), Some(b"abc".to_vec()));
        let long = format!("Bearer {}", "x".repeat(MAX_TOKEN + 1));
        for wrong in
            [&["abc"] as &[&str], &["Basic abc"], &["Bearer"], &["Bearer "], &["Bearer a", "Bearer a"], &[&long], &[""]]
        {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }
}
