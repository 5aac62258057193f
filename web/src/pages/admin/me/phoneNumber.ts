/** "+49 (151) 123-45 67" or "0049 151…" as the server takes it: +491511234567. What is none is left to it to refuse. */
export function phoneNumber(typed: string): string {
  const digits = typed.replace(/[\s()./-]/g, "");
  return digits.startsWith("00") ? `+${digits.slice(2)}` : digits;
}
