"""nst_export: trained style transfer networks to ONNX files that keep nst-rt's model contract. Needs torch."""
