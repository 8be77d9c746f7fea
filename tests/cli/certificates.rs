//! CAs and certificates as operators make them, the wrong ones included.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    SigningKey as _,
};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Years in which a certificate is valid: now, and long ago.
pub(super) const GOOD: (i32, i32) = (2000, 4000);
pub(super) const ENDED: (i32, i32) = (2000, 2001);

pub(super) struct Ca(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, or another one.
pub(super) struct Pair {
    pub(super) cert: CertificateDer<'static>,
    key: String,
}

impl Ca {
    pub(super) fn named(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Ca(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(super) fn der(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    /// Writes the CA's own certificate to a file.
    pub(super) fn write(&self, path: &Path) -> String {
        fs::write(path, self.0.pem()).unwrap();
        path.display().to_string()
    }

    /// The CA's own certificate, as one to be shown.
    pub(super) fn itself(&self) -> Pair {
        Pair { cert: self.der(), key: self.0.key().serialize_pem() }
    }

    /// A certificate for this common and DNS name.
    pub(super) fn sign(&self, name: &str, years: (i32, i32)) -> Pair {
        self.sign_for(name, years, &[])
    }

    pub(super) fn sign_for(&self, name: &str, years: (i32, i32), purposes: &[ExtendedKeyUsagePurpose]) -> Pair {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = purposes.to_vec();
        params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
        params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
        let key = KeyPair::generate().unwrap();
        let cert = params.signed_by(&key, &self.0).unwrap();
        Pair { cert: cert.der().clone(), key: key.serialize_pem() }
    }

    /// The same certificate as X.509 v1 has it: without a version and extensions, signed anew.
    pub(super) fn as_v1(&self, pair: Pair) -> Pair {
        let whole = parts(parts(&pair.cert)[0].content);
        let fields = parts(whole[0].content);
        let kept: Vec<u8> = fields
            .iter()
            .filter(|field| !matches!(field.tag, 0xa0 | 0xa3))
            .flat_map(|field| field.whole)
            .copied()
            .collect();
        let tbs = wrap(0x30, &kept);
        let signature = [&[0][..], &self.0.key().sign(&tbs).unwrap()].concat();
        let cert = wrap(0x30, &[tbs, whole[1].whole.to_vec(), wrap(0x03, &signature)].concat());
        Pair { cert: cert.into(), ..pair }
    }
}

impl Pair {
    /// This certificate with the key of another one.
    pub(super) fn with_key_of(self, other: &Pair) -> Self {
        Pair { key: other.key.clone(), ..self }
    }

    pub(super) fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap()
    }

    /// Writes both, to `NAME.pem` and `NAME.key`.
    pub(super) fn write(&self, folder: &Path, name: &str) -> (PathBuf, PathBuf) {
        let (cert, key) = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
        // Replaced whole, so that nobody reads half of one.
        for (path, text) in [(&cert, &pem(&self.cert)), (&key, &self.key)] {
            let new = path.with_extension("new");
            fs::write(&new, text).unwrap();
            fs::set_permissions(&new, fs::Permissions::from_mode(0o600)).unwrap();
            fs::rename(&new, path).unwrap();
        }
        (cert, key)
    }
}

fn pem(cert: &CertificateDer<'_>) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(cert);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

/// A value of DER.
struct Part<'a> {
    tag: u8,
    whole: &'a [u8],
    content: &'a [u8],
}

/// The values that stand one behind the other.
fn parts(mut der: &[u8]) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    while let [tag, length, ..] = *der {
        let long = usize::from(length.saturating_sub(0x80));
        let size = der[2..2 + long].iter().fold(0, |size, byte| size << 8 | usize::from(*byte));
        let (start, size) = (2 + long, if long == 0 { usize::from(length) } else { size });
        let (whole, rest) = der.split_at(start + size);
        parts.push(Part { tag, whole, content: &whole[start..] });
        der = rest;
    }
    parts
}

fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
    let size = u16::try_from(content.len()).unwrap().to_be_bytes();
    // In as few bytes as it needs, as DER demands.
    let length = match size {
        [0, low] if low < 0x80 => vec![low],
        [0, low] => vec![0x81, low],
        [high, low] => vec![0x82, high, low],
    };
    [&[tag], &length[..], content].concat()
}
