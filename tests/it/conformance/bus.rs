//! The bus port.
