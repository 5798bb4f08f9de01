import { expect, test } from "vitest";
import { axisTitle, bareQuantity, counted, duration, exactQuantity, percent, quantity, shortNumber } from "./quantity.ts";

test.each([
  [0, "0"], [2.3124, "2.312"], [2, "2"], [-1.5, "−1.5"], [9999, "9,999"], [12345, "12.35k"], [3_400_000, "3.4M"], [1e10, "10G"],
  [0.00012345, "0.0001234"], [0.000012345, "1.23e−5"], [1e-8, "1e−8"], [Number.NaN, "NaN"], [Infinity, "∞"], [-Infinity, "−∞"],
])("shortNumber(%d) is %s", (value, text) => expect(shortNumber(value)).toBe(text));

test("never more than 4 significant digits", () => {
  for (const value of [1.23456789, 12345.678, 0.0123456, 987654321]) {
    expect(shortNumber(value).replace(/[^0-9]/g, "").replace(/^0+/, "").length).toBeLessThanOrEqual(4);
  }
});
test("a share says of what", () => {
  expect(quantity(0.0312, "of tokens")).toBe("3.12% of tokens");
  expect(bareQuantity(0.5, "of tokens")).toBe("50%");
  expect(percent(0)).toBe("0%");
  expect(axisTitle("dropped tokens", "of tokens")).toBe("dropped tokens (% of tokens)");
});
test("hover has the value as it is", () => {
  expect(exactQuantity(2.3121345678, "nats/token")).toBe("2.312135 nats/token");
  expect(exactQuantity(0.03123456, "of tokens")).toBe("3.123456% of tokens");
  expect(exactQuantity(1234567, "bytes")).toBe("1,234,567 bytes");
  expect(exactQuantity(Number.NaN, "nats/token")).toBe("NaN");
});
test("other units follow the number", () => {
  expect(quantity(2.31, "nats/token")).toBe("2.31 nats/token");
  expect(quantity(3 * 1024 ** 3, "bytes")).toBe("3 GiB");
  expect(axisTitle("learning rate", "")).toBe("learning rate");
});
test.each([[45, "45 s"], [61, "1 min 01 s"], [720, "12 min"], [11100, "3 h 05 min"]])("duration(%d) is %s", (s, text) => expect(duration(s)).toBe(text));
test("counted", () => expect([counted(1, "step"), counted(1412, "step")]).toEqual(["1 step", "1,412 steps"]));
