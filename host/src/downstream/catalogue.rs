//! Stub
#[derive(Clone)]
pub struct Catalogue; 
pub struct Clash;
