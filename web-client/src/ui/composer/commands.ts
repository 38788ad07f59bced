/** What `/name` at the start of a message writes. The server knows no commands; these are only quick to type. */
export const COMMANDS = [
  { name: "shrug", text: "¯\\\\\\_(ツ)\\_/¯" },
  { name: "tableflip", text: "(╯°□°)╯︵ ┻━┻" },
  { name: "unflip", text: "┬─┬ノ( º _ ºノ)" },
] as const;
