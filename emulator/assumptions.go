package emulator

// Assumption is a belief about AWS that no document we could read confirms
// and that the lab has to decide. Code that rests on one names its id.
type Assumption struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

// Assumptions lists what the lab takes for granted, by id.
func Assumptions() []Assumption {
	return []Assumption{}
}
