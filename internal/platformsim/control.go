package platformsim

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// controlRoutes serve what a test or a person at the demonstration wants to see and do:
//
//	GET    /_sim/records[?endpoint=one]       what the platform holds
//	GET    /_sim/records/{endpoint}/{id}      one record
//	GET    /_sim/journal                      the calls, oldest first
//	GET    /_sim/stats                        figures
//	GET    /_sim/faults                       what goes wrong on purpose
//	POST   /_sim/faults                       a Fault; gives {"id": N}
//	DELETE /_sim/faults[/{id}]                ends all, or one
//	DELETE /_sim/tokens                       voids every token
func (s *Sim) controlRoutes() {
	s.mux.HandleFunc("GET /_sim/records", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"records": s.Records(r.URL.Query().Get("endpoint"))})
	})
	s.mux.HandleFunc("GET /_sim/records/{endpoint}/{id...}", func(w http.ResponseWriter, r *http.Request) {
		record, ok := s.Record(r.PathValue("endpoint"), r.PathValue("id"))
		if !ok {
			writeJSON(w, http.StatusNotFound, Answer{Code: http.StatusNotFound, Msg: "no such record"})
			return
		}
		writeJSON(w, http.StatusOK, record)
	})
	s.mux.HandleFunc("GET /_sim/journal", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"journal": s.Journal()})
	})
	s.mux.HandleFunc("GET /_sim/stats", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, s.Stats()) })
	s.mux.HandleFunc("GET /_sim/faults", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"faults": s.Faults()})
	})
	s.mux.HandleFunc("POST /_sim/faults", s.postFault)
	s.mux.HandleFunc("DELETE /_sim/faults", func(w http.ResponseWriter, _ *http.Request) {
		s.ClearFaults()
		w.WriteHeader(http.StatusNoContent)
	})
	s.mux.HandleFunc("DELETE /_sim/faults/{id}", func(w http.ResponseWriter, r *http.Request) {
		id, err := strconv.Atoi(r.PathValue("id"))
		if err != nil || !s.ClearFault(id) {
			writeJSON(w, http.StatusNotFound, Answer{Code: http.StatusNotFound, Msg: "no such fault"})
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	s.mux.HandleFunc("DELETE /_sim/tokens", func(w http.ResponseWriter, _ *http.Request) {
		s.VoidTokens()
		w.WriteHeader(http.StatusNoContent)
	})
}

func (s *Sim) postFault(w http.ResponseWriter, r *http.Request) {
	var fault Fault
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&fault); err != nil {
		writeJSON(w, http.StatusBadRequest, Answer{Code: http.StatusBadRequest, Msg: err.Error()})
		return
	}
	id, err := s.Inject(fault)
	if err != nil {
		writeJSON(w, http.StatusBadRequest, Answer{Code: http.StatusBadRequest, Msg: err.Error()})
		return
	}
	writeJSON(w, http.StatusCreated, map[string]int{"id": id})
}
