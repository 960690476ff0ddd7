use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};

/// A certificate authority of a test's own, a server's certificate for this machine's loopback, and
/// a client's. All PEM.
#[derive(Clone, Debug)]
pub struct Certificates {
    /// The authority's certificate.
    pub authority: String,
    /// Certificate and key for `localhost` and 127.0.0.1.
    pub server: (String, String),
    /// Certificate and key for the same, as `openssl req -x509` makes them: it signs itself, and calls
    /// itself an authority.
    pub self_signed: (String, String),
    /// Certificate and key of a client.
    pub client: (String, String),
}

impl Certificates {
    /// Makes new ones.
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).expect("no names are valid");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key can be made");
        let authority = params.self_signed(&key).expect("it signs itself");
        let issuer = Issuer::new(params, key);
        let signed = |names: &[&str], usage| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let mut params = CertificateParams::new(names).expect("the names are valid");
            params.extended_key_usages = vec![usage];
            let key = KeyPair::generate().expect("a key can be made");
            let certificate = params
                .signed_by(&key, &issuer)
                .expect("the authority signs");
            (certificate.pem(), key.serialize_pem())
        };
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let mut params = CertificateParams::new(names).expect("the names are valid");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let own_key = KeyPair::generate().expect("a key can be made");
        let own = params.self_signed(&own_key).expect("it signs itself");
        Self {
            authority: authority.pem(),
            self_signed: (own.pem(), own_key.serialize_pem()),
            server: signed(
                &["localhost", "127.0.0.1"],
                ExtendedKeyUsagePurpose::ServerAuth,
            ),
            client: signed(&["client"], ExtendedKeyUsagePurpose::ClientAuth),
        }
    }
}

impl Default for Certificates {
    fn default() -> Self {
        Self::new()
    }
}
