"""What staff do with what people told us: find it, correct what they mistyped, take away what is somebody else's."""
