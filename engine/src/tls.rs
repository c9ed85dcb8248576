//! The cryptography of outgoing connections.

/// Makes ring the cryptography of this process, unless another one was chosen. An HTTP client cannot be made before.
pub fn prepare() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Whoever was faster chose one too.
        let _chosen = rustls::crypto::ring::default_provider().install_default();
    }
}
