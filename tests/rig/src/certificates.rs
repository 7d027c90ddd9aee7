//! Certificates for a server and its clients, by an authority that is made for one test (openssl).

use std::fs;
use std::path::Path;

use crate::tool::{output_of, tool};

/// What a certificate of either side is for.
const EXTENSIONS: &str =
    "subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n";

/// Writes `server-cert.pem` and `server-key.pem`, and for clients `ca.pem`, `cert.pem` and `key.pem` in
/// `client-certificates`.
///
/// # Panics
/// When the folder cannot be written.
pub(crate) fn write(folder: &Path) {
    let clients = folder.join("client-certificates");
    let extensions = folder.join("extensions");
    fs::create_dir(&clients)
        .and_then(|()| fs::write(&extensions, EXTENSIONS))
        .unwrap_or_else(|error| panic!("cannot write to {}: {error}", folder.display()));
    let text = |path: &Path| path.display().to_string();
    let (authority, authority_key) = (text(&clients.join("ca.pem")), text(&folder.join("ca-key.pem")));
    openssl(&[
        &["req", "-x509", "-subj", "/CN=authority", "-keyout", &authority_key, "-out", &authority][..],
        &["-days", "2", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    ]);
    for (certificate, key) in [
        (folder.join("server-cert.pem"), folder.join("server-key.pem")),
        (clients.join("cert.pem"), clients.join("key.pem")),
    ] {
        let request = text(&folder.join("request"));
        openssl(&[
            &["req", "-subj", "/CN=somebody", "-keyout", &text(&key), "-out", &request][..],
            &["-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
        ]);
        openssl(&[
            &["x509", "-req", "-in", &request, "-CA", &authority, "-CAkey", &authority_key][..],
            &["-CAcreateserial", "-days", "2", "-extfile", &text(&extensions), "-out", &text(&certificate)],
        ]);
    }
}

fn openssl(arguments: &[&[&str]]) {
    output_of(tool("openssl").args(arguments.concat()));
}
