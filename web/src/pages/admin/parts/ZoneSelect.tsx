import { Select } from "@mantine/core";
import { TIME_ZONES } from "./moments";

export function ZoneSelect({
  value,
  onChange,
  error,
  label = "Time zone",
  description,
}: {
  value: string;
  onChange: (zone: string) => void;
  error: string | undefined;
  label?: string;
  description?: string;
}) {
  // One that the server knows and this browser does not stays what it is.
  const zones = TIME_ZONES.includes(value) ? TIME_ZONES : [value, ...TIME_ZONES];
  return (
    <Select
      label={label}
      description={description}
      data={zones}
      value={value}
      onChange={(zone) => zone !== null && onChange(zone)}
      searchable
      allowDeselect={false}
      limit={100}
      error={error}
    />
  );
}
