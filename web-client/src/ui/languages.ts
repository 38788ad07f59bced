/** The languages there are, each named in itself. */
export const languages = [
  { value: "en", name: "English" },
  { value: "ar", name: "العربية" },
] as const;
