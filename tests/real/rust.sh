rust
